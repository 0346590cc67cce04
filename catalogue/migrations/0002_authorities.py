"""Seeds the naming authorities that the ingest commands and the protocols speak of."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

AUTHORITIES = {
    "ga4gh": "GA4GH computed identifiers",
    "insdc": "INSDC accession.version (GenBank, ENA, DDBJ)",
    "refseq": "NCBI RefSeq accession.version",
    "ncbi": "Names used by NCBI",
    "ensembl": "Ensembl chromosome names and stable ids",
    "gencode": "GENCODE transcript and protein ids",
    "ucsc": "UCSC Genome Browser names",
    "uniprot": "UniProtKB accessions and entry names",
}


def seed(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Adds those that are not there yet."""
    authority = apps.get_model("catalogue", "NamingAuthority")
    for name, description in AUTHORITIES.items():
        if not authority.objects.filter(name__iexact=name).exists():
            authority.objects.create(name=name, description=description)


class Migration(migrations.Migration):
    dependencies = (("catalogue", "0001_sequences"),)

    operations = (migrations.RunPython(seed, migrations.RunPython.noop),)
