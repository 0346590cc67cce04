"""The JSON of each thing of the catalogue. Where its data are stored is in none of them."""

from typing import Any

from django.utils.http import urlencode
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalogue import jobs
from catalogue.queries.runs import state_of, target_of, title_of
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


class CollectionShape(serializers.Serializer[Any]):
    """A sequence collection, such as an assembly."""

    name = serializers.CharField()
    description = serializers.CharField()
    visibility = serializers.ChoiceField(choices=("public", "private"))
    digest = serializers.CharField(
        allow_null=True, help_text="null where a sequence is known by its md5 only"
    )
    sequences = serializers.IntegerField(help_text="How many it holds")
    created = serializers.DateTimeField()
    names = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="What it calls the sequence that was asked for; null where none was",
    )


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
        """Return the dataset or collection that it writes into."""
        return target_of(row)


class ProgressShape(serializers.Serializer[Any]):
    """How far a run is; unknown numbers are null."""

    phase = serializers.CharField()
    done = serializers.IntegerField()
    total = serializers.IntegerField(allow_null=True)
    unit = serializers.CharField()
    rate = serializers.FloatField(help_text="Units a second")
    remaining = serializers.FloatField(allow_null=True, help_text="Seconds")
    outcomes = serializers.DictField(child=serializers.IntegerField(), help_text="Inputs by outcome")


class RunDetailShape(RunShape):
    """An ingest or background job, with its progress."""

    progress = serializers.SerializerMethodField()
    faults = serializers.SerializerMethodField(help_text="What went wrong that concerns no single input")
    inputs = serializers.SerializerMethodField(help_text="The path of the list of its inputs")
    can_cancel = serializers.SerializerMethodField()
    can_retry = serializers.SerializerMethodField()

    @extend_schema_field(ProgressShape)
    def get_progress(self, row: Any) -> Any:
        """Return how far it is."""
        return ProgressShape(state_of(row)).data

    def get_faults(self, row: Any) -> list[str]:
        """Return the faults of the whole."""
        return list(row.summary.get("faults", ()))

    def get_inputs(self, row: Any) -> str:
        """Return the path of the list."""
        return "/api/inputs/?" + urlencode({"run": row.pk})

    def get_can_cancel(self, row: Any) -> bool:
        """Return whether it can be cancelled."""
        return jobs.can_cancel(row)

    def get_can_retry(self, row: Any) -> bool:
        """Return whether something of it is left to do."""
        return jobs.can_retry(row)


class InputShape(serializers.Serializer[Any]):
    """An input of a run, such as a row of a manifest."""

    source = serializers.CharField()  # type: ignore[assignment]
    outcome = serializers.ChoiceField(
        choices=("waiting", "added", "changed", "unchanged", "passed over", "failed", "cancelled")
    )
    message = serializers.CharField(help_text="What went wrong, or what to know")
    counts = serializers.DictField(child=serializers.IntegerField())
    paths = serializers.SerializerMethodField(help_text="Of the pages of what was registered")

    def get_paths(self, row: Any) -> list[str]:
        """Return the paths on this site."""
        return [f"/{path}" for path in row.paths]


class GenomeShape(serializers.Serializer[Any]):
    """An annotation on an assembly; unknown text is empty."""

    id = serializers.CharField(source="genome_id")
    collection = serializers.CharField(source="collection.name", help_text="The assembly, by name")
    assembly_accession = serializers.CharField()
    assembly_name = serializers.CharField()
    scientific_name = serializers.CharField()
    common_name = serializers.CharField()
    taxon_id = serializers.IntegerField(allow_null=True)
    release = serializers.CharField()
    release_date = serializers.DateField(allow_null=True)
    provider = serializers.CharField()
    is_reference = serializers.BooleanField(help_text="Whether it is the reference genome of its species")
    genes = serializers.IntegerField()
    transcripts = serializers.IntegerField()
    ingested = serializers.DateTimeField()


class VisaShape(serializers.Serializer[Any]):
    """A visa by which holders may read; empty source and issuer stand for any."""

    type = serializers.CharField(source="visa_type")
    value = serializers.CharField(source="visa_value")
    source = serializers.CharField(source="visa_source")  # type: ignore[assignment]
    issuer = serializers.CharField(source="visa_issuer")


class RegionShape(serializers.Serializer[Any]):
    """A region that a grant is limited to."""

    contig = serializers.CharField()
    start = serializers.IntegerField()
    end = serializers.IntegerField(allow_null=True, help_text="null: to the end of the contig")


class GrantShape(serializers.Serializer[Any]):
    """A grant, to one user, one group or the holders of one visa."""

    number = serializers.IntegerField(source="pk")
    dataset = serializers.CharField(source="dataset.slug", default=None, allow_null=True)
    collection = serializers.CharField(source="collection.name", default=None, allow_null=True)
    user = serializers.CharField(source="user.username", default=None, allow_null=True)
    group = serializers.CharField(source="group.name", default=None, allow_null=True)
    visa = serializers.SerializerMethodField()
    role = serializers.ChoiceField(choices=("owner", "steward", "reader"))
    expires = serializers.DateTimeField(allow_null=True)
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=("reads", "variants")), help_text="Both when empty"
    )
    header_only = serializers.BooleanField()
    files = serializers.SerializerMethodField(help_text="Numbers of files; null: not limited")
    regions = serializers.SerializerMethodField(help_text="null: not limited")
    note = serializers.CharField()
    created = serializers.DateTimeField()

    @extend_schema_field(VisaShape(allow_null=True))
    def get_visa(self, row: Any) -> Any:
        """Return the visa, where it is to one."""
        return VisaShape(row).data if row.visa_type else None

    def get_files(self, row: Any) -> list[int] | None:
        """Return the numbers of the files."""
        return sorted(one.file_id for one in row.files.all()) if row.limited_to_files else None

    @extend_schema_field(RegionShape(many=True, allow_null=True))
    def get_regions(self, row: Any) -> Any:
        """Return the regions."""
        return RegionShape(row.regions.all(), many=True).data if row.limited_to_regions else None


class ProblemShape(serializers.Serializer[Any]):
    """What is wrong (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
