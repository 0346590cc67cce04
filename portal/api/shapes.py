"""The JSON of each thing of the catalogue. Where its data are stored is in none of them."""

from typing import Any

from django.utils.http import urlencode
from rest_framework import serializers

from catalogue.queries.runs import target_of, title_of
from portal.links import protocol_url


class DatasetShape(serializers.Serializer[Any]):
    """A dataset."""

    slug = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    licence = serializers.CharField()
    contact = serializers.CharField()
    visibility = serializers.ChoiceField(choices=("public", "registered", "controlled"))
    collection = serializers.CharField(allow_null=True, help_text="The assembly of its files, by name")
    created = serializers.DateTimeField()


class FileShape(serializers.Serializer[Any]):
    """A file of reads or variants."""

    number = serializers.IntegerField(source="pk")
    kind = serializers.ChoiceField(choices=("reads", "variants"))
    id = serializers.CharField(source="htsget_id")
    format = serializers.ChoiceField(choices=("BAM", "CRAM", "VCF", "BCF"))
    dataset = serializers.CharField(source="dataset.slug")
    size = serializers.IntegerField(help_text="Bytes")
    version = serializers.CharField(help_text="Of the format")
    assembly = serializers.CharField(help_text="As the header names it")
    sort_order = serializers.CharField()
    samples = serializers.ListField(child=serializers.CharField())
    index = serializers.CharField(source="index_kind", help_text="Empty: only the whole file is served")
    state = serializers.ChoiceField(choices=("ready", "changed", "missing", "corrupt"))
    ingested = serializers.DateTimeField()
    ticket = serializers.SerializerMethodField(help_text="The path of its htsget ticket")
    contigs = serializers.SerializerMethodField(help_text="The path of the list of its contigs")

    def get_ticket(self, row: Any) -> str:
        """Return the path of the ticket."""
        return protocol_url("", row.kind, row.htsget_id)

    def get_contigs(self, row: Any) -> str:
        """Return the path of the list."""
        return "/api/contigs/?" + urlencode({"file": row.pk})


class ContigShape(serializers.Serializer[Any]):
    """A contig that the header of a file declares."""

    number = serializers.IntegerField()
    name = serializers.CharField()
    length = serializers.IntegerField(allow_null=True)
    mapped = serializers.IntegerField(allow_null=True, help_text="Records, where the index tells")
    unmapped = serializers.IntegerField(allow_null=True)
    has_records = serializers.BooleanField()
    sequence = serializers.CharField(allow_null=True, help_text="The digest of its sequence")


class SampleShape(serializers.Serializer[Any]):
    """A sample."""

    name = serializers.CharField()
    files = serializers.IntegerField(help_text="The number of files that hold it")


class SequenceShape(serializers.Serializer[Any]):
    """A reference sequence."""

    digest = serializers.CharField(source="__str__", help_text="`SQ.…`, or the md5 where only that is known")
    md5 = serializers.SerializerMethodField()
    length = serializers.IntegerField()
    circular = serializers.BooleanField()
    molecule = serializers.CharField(help_text="dna, rna, protein, or empty")
    held = serializers.SerializerMethodField(help_text="Whether its residues are here")

    def get_md5(self, row: Any) -> str:
        """Return the md5 in hexadecimal."""
        return bytes(row.md5).hex()

    def get_held(self, row: Any) -> bool:
        """Return whether its residues are here."""
        return row.blob_id is not None


class AliasShape(serializers.Serializer[Any]):
    """A name that an authority gives to a sequence."""

    name = serializers.CharField()
    authority = serializers.CharField(source="authority.name")
    sequence = serializers.CharField(help_text="The digest of the sequence")


class AuthorityShape(serializers.Serializer[Any]):
    """A naming authority."""

    name = serializers.CharField()
    description = serializers.CharField()


class RunShape(serializers.Serializer[Any]):
    """An ingest, or a background job."""

    number = serializers.IntegerField(source="pk")
    command = serializers.CharField()
    title = serializers.SerializerMethodField()
    target = serializers.SerializerMethodField(help_text="The dataset or collection that it writes into")
    outcome = serializers.ChoiceField(
        choices=("queued", "running", "succeeded", "failed", "interrupted", "cancelled")
    )
    dry_run = serializers.BooleanField()
    queued = serializers.DateTimeField(allow_null=True)
    started = serializers.DateTimeField()
    finished = serializers.DateTimeField(allow_null=True)

    def get_title(self, row: Any) -> str:
        """Return what it does, in words."""
        return title_of(row)

    def get_target(self, row: Any) -> str:
        """Return what it writes into."""
        return target_of(row)


class ProblemShape(serializers.Serializer[Any]):
    """What is wrong (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
