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
    "gi": "GenInfo numbers, NCBI's identifiers of former times",
    "ensembl_cds": "Ensembl transcripts, of their coding sequences",
    "ensembl_gene": "Ensembl genes, of the sequences of their transcripts and proteins",
    "ensembl_transcript": "Ensembl transcripts, of their proteins",
    "havana": "HAVANA genes and transcripts, of the sequences derived from them",
    "gene_symbol": "Gene symbols, of the sequences derived from them",
    "uniref": "UniRef clusters, of their representatives",
    "uniparc": "UniParc identifiers",
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
