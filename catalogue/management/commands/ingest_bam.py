"""`manage.py ingest_bam FILE… --dataset SLUG`: registers reads (BAM and CRAM)."""

from catalogue.formats.spec import FileKind
from catalogue.management.files_command import IngestFilesCommand


class Command(IngestFilesCommand):
    help = "Register BAM and CRAM files, so that htsget serves them."
    kind = FileKind.READS
