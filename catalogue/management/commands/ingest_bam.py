"""`manage.py ingest_bam FILE… --dataset SLUG`: registers reads (BAM and CRAM)."""

from catalogue.management.files_command import IngestFilesCommand
from catalogue.models import FileKind


class Command(IngestFilesCommand):
    help = "Registers BAM and CRAM files, so that htsget serves them."
    kind = FileKind.READS
    command = "ingest_bam"
