"""`manage.py ingest_vcf FILE… --dataset SLUG`: registers variants (VCF and BCF)."""

from catalogue.formats.spec import FileKind
from catalogue.management.files_command import IngestFilesCommand


class Command(IngestFilesCommand):
    help = "Register VCF and BCF files, so that htsget serves them."
    kind = FileKind.VARIANTS
