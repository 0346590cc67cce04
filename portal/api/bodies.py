"""The JSON that writes are asked with. What is absent stays as it is; unknown members are refused."""

from typing import Any

from rest_framework import serializers

from catalogue.formats.fasta_names import is_authority_name
from catalogue.formats.manifests import ManifestForm
from catalogue.queries.text import storable
from catalogue.stewardship import SEQUENCE_COMMANDS, UPKEEP

MAX_LIMITS = 10_000


class Text(serializers.CharField):
    """Text as it is given, which may be empty."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"trim_whitespace": False, "allow_blank": True, **options})

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is no text, and text that no column can hold."""
        if not isinstance(data, str):
            raise serializers.ValidationError("expected a string")
        if not storable(data):
            raise serializers.ValidationError("a text holds neither NUL nor half of a surrogate pair")
        return str(super().to_internal_value(data))


class Name(Text):
    """Text that is not empty."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"allow_blank": False, "min_length": 1, **options})


class Flag(serializers.BooleanField):
    """`true` or `false`, and not a word for it."""

    def to_internal_value(self, data: Any) -> bool:
        """Take true or false, and refuse everything else."""
        if not isinstance(data, bool):
            raise serializers.ValidationError("expected true or false")
        return data


class Whole(serializers.IntegerField):
    """A whole number of JSON."""

    def to_internal_value(self, data: Any) -> int:
        """Refuse text and fractions."""
        if type(data) is not int:
            raise serializers.ValidationError("expected a whole number")
        return int(super().to_internal_value(data))


class Body(serializers.Serializer[Any]):
    """The object of a request."""

    def to_internal_value(self, data: Any) -> Any:
        """Refuse members that are not known."""
        if isinstance(data, dict) and (unknown := sorted(map(str, data.keys() - self.fields.keys()))):
            raise serializers.ValidationError({unknown[0]: ["there is no such member here"]})
        return super().to_internal_value(data)


class DatasetBody(Body):
    """What to change of a dataset."""

    title = Text(required=False, max_length=255)
    description = Text(required=False, max_length=100_000)
    licence = Text(required=False, max_length=255)
    contact = Text(required=False, max_length=255)
    collection = Name(required=False, allow_null=True, help_text="The assembly of its files, by name")
    visibility = serializers.ChoiceField(
        required=False, choices=("public", "registered", "controlled"), help_text="Set by its owners"
    )


class FileBody(Body):
    """What to change of a file."""

    id = Name(required=False, max_length=255, help_text="The new id, of every format of the old one")
    old_id = serializers.ChoiceField(
        required=False, choices=("redirect", "retire"), help_text="What becomes of the old id"
    )
    dataset = Name(required=False, max_length=100, help_text="The dataset to move it to")
    publish = Flag(
        required=False, help_text="Whether the move may open it to more people; without, it is refused"
    )


class RunBody(Body):
    """Files to register, by a manifest, what to do with registered ones, or sequences to register."""

    manifest = Name(
        required=False,
        help_text="The text: CSV or TSV with a header, or JSON lines; see docs/manifests.md",
    )
    command = serializers.ChoiceField(
        required=False, choices=("verify_files", "index_files", "export_manifest", *SEQUENCE_COMMANDS, *UPKEEP),
        help_text="In place of a manifest",
    )  # fmt: skip
    sources = serializers.ListField(
        required=False, child=Name(max_length=1100), min_length=1, max_length=1000,
        help_text="Of ingest_fasta, ingest_aliases and ingest_gff3: objects (storage:key) and prefixes of storages",
    )  # fmt: skip
    authority = Name(
        required=False, max_length=64, help_text="Of ingest_fasta and ingest_gff3: who gives the names"
    )
    collection = Name(
        required=False, max_length=255,
        help_text="The assembly: of ingest_fasta what it is kept as, of ingest_gff3 what the annotation is of",
    )  # fmt: skip
    circular = serializers.ListField(
        required=False,
        child=Name(max_length=255),
        max_length=10_000,
        help_text="Of ingest_fasta: circular records",
    )
    genome_id = Name(required=False, max_length=255, help_text="Of ingest_gff3 without one in its header")
    assembly = Name(required=False, max_length=255, help_text="Of ingest_aliases, where the table names none")
    create_authorities = Flag(
        required=False, help_text="Of ingest_aliases: make naming authorities that are new"
    )
    allow_unmatched = Flag(
        required=False, help_text="Of ingest_aliases: leave out names of unknown sequences"
    )
    deep = Flag(required=False, help_text="Of verify_files: read all of each file")
    build = Flag(required=False, help_text="Of index_files: build an index whatever there is")
    format = serializers.ChoiceField(
        required=False, choices=[form.value for form in ManifestForm], help_text="Of export_manifest"
    )
    name = Name(required=False, max_length=255, default="manifest")
    dataset = Name(
        required=False,
        max_length=100,
        help_text="Of rows that name none; of a command: whose files, or else all that the account manages",
    )
    id_prefix = Text(required=False, max_length=100, help_text="Put before ids that are made of file names")
    copy = Flag(required=False, help_text="Copy the files into the site's own storage")
    dry_run = Flag(required=False, default=False, help_text="A preview, which can be started afterwards")

    def validate_authority(self, value: str) -> str:
        """Refuse what cannot be the name of an authority."""
        if not is_authority_name(value):
            raise serializers.ValidationError(
                "a naming authority is a word of letters, digits, dots, _ and -"
            )
        return value

    def validate(self, attrs: Any) -> Any:
        """Require a manifest or a command, and not both."""
        if ("manifest" in attrs) == ("command" in attrs):
            raise serializers.ValidationError({"manifest": ["give either a manifest or a command"]})
        return attrs


class VisaBody(Body):
    """The visa whose holders may read."""

    type = Name(max_length=64)
    value = Name(max_length=255)
    source = Text(required=False, max_length=255, help_text="Any when empty")  # type: ignore[assignment]
    issuer = Text(required=False, max_length=255, help_text="Any of the trusted ones when empty")


class RegionBody(Body):
    """Positions of a contig, counted from 0 and without the end."""

    contig = Name(max_length=10_000)
    start = Whole(required=False, min_value=0, max_value=2**32)
    end = Whole(required=False, allow_null=True, min_value=1, max_value=2**32)


class GrantBody(Body):
    """A new grant: of a dataset or a collection, to one user, one group or the holders of one visa."""

    dataset = Name(required=False, max_length=100)
    collection = Name(required=False, max_length=255)
    user = Name(required=False, max_length=150, help_text="The name of the account in full")
    group = Name(required=False, max_length=150)
    visa = VisaBody(required=False)
    role = serializers.ChoiceField(required=False, choices=("owner", "steward", "reader"))
    expires = serializers.DateTimeField(required=False, allow_null=True)
    kinds = serializers.ListField(
        required=False, child=serializers.ChoiceField(choices=("reads", "variants")), max_length=2
    )
    header_only = Flag(required=False)
    files = serializers.ListField(
        required=False, child=Whole(min_value=1, max_value=2**63 - 1), max_length=MAX_LIMITS,
        help_text="The numbers of the only files that it covers",
    )  # fmt: skip
    regions = serializers.ListField(required=False, child=RegionBody(), max_length=MAX_LIMITS)
    note = Text(required=False, max_length=255)
