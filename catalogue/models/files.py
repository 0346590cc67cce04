"""Models of datasets, data files and contigs."""

import operator
from functools import reduce

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import MD5, Collate, Length, Lower
from django.db.models.lookups import Exact, IsNull
from django.utils.translation import gettext_lazy as _

from catalogue.formats.digests import MD5_BYTES
from catalogue.formats.headers import FileFormat
from catalogue.formats.registry import formats_of
from catalogue.formats.spec import FileKind
from catalogue.models.recorded import Recorded
from catalogue.models.sequences import Sequence, SequenceCollection
from catalogue.models.text_search import trigrams


class Dataset(Recorded):
    """A set of files that a steward describes, publishes and grants together."""

    class Visibility(models.TextChoices):
        """Who may fetch the dataset's files."""

        PUBLIC = "public", _("public: anybody")
        REGISTERED = "registered", _("registered: any authenticated user")
        CONTROLLED = "controlled", _("controlled: whoever was granted access")

    slug = models.SlugField(max_length=100, unique=True)
    title = models.CharField(max_length=255, blank=True)
    description = models.TextField(blank=True)
    licence = models.CharField(max_length=255, blank=True)
    contact = models.CharField(max_length=255, blank=True)
    visibility = models.CharField(max_length=10, choices=Visibility, default=Visibility.CONTROLLED)
    collection = models.ForeignKey(
        SequenceCollection,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="datasets",
        help_text=_("the assembly its files were made with; links contigs without an md5 by name and length"),
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("slug",)
        permissions = (
            ("enter_desk", _("Can enter the desk")),
            ("browse_storages", _("Can browse every storage, and register what lies there")),
        )

    def __str__(self) -> str:
        return self.slug


class StoragePrefix(Recorded):
    """A prefix of a storage whose files the stewards of a dataset may browse, and register into the dataset."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="prefixes")
    storage = models.CharField(max_length=64, help_text=_("as the settings name it"))
    prefix = models.CharField(
        max_length=1024, blank=True, help_text=_("ends with a slash; empty: the whole storage")
    )

    class Meta:
        ordering = ("storage", "prefix")
        constraints = (
            models.UniqueConstraint(
                fields=("dataset", "storage", "prefix"),
                name="prefix_unique",
                violation_error_message=_("The dataset has this prefix already."),
            ),
            models.CheckConstraint(
                condition=Q(prefix="") | Q(prefix__endswith="/"),
                name="prefix_ends_with_a_slash",
                violation_error_message=_(
                    "A prefix ends with a slash, such as trio/2026/; an empty one is the whole storage."
                ),
            ),
            models.CheckConstraint(
                condition=~Q(storage=""),
                name="prefix_has_a_storage",
                violation_error_message=_("A prefix needs the name of a storage."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.storage}:{self.prefix}"


models.CharField.register_lookup(MD5)

FILE_KINDS = [(kind.value, _(kind.value)) for kind in FileKind]


#: The text that a file is found by: id, location, origin, samples and ETag, one a line and in lower case.
FILE_TEXT = Func(
    *(F(name) for name in ("htsget_id", "storage", "key", "source", "samples", "etag")),
    function="catalogue_file_text",
    output_field=models.TextField(),
)


class DataFile(models.Model):
    """One registered BAM, CRAM, VCF or BCF file, with everything that a ticket needs.

    `size` and `etag` are from when it was read; a stored object with others is not this file any more. `source` and
    `index_source` are the origin of a copy and the object of the index, as `storage:key` or path. Offsets `…_begin` and
    `…_end` are virtual offsets (for CRAM with the byte offset in the upper 48 bits).
    """

    class State(models.TextChoices):
        """The file state: whether the stored object is still the registered one."""

        READY = "ready", _("ready")
        CHANGED = "changed", _("changed since it was ingested")
        MISSING = "missing", _("missing")
        CORRUPT = "corrupt", _("corrupt")

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="files")
    kind = models.CharField(max_length=8, choices=FILE_KINDS)
    htsget_id = models.CharField(max_length=255, help_text=_("what clients ask for; may hold slashes"))
    format = models.CharField(max_length=4, choices=[(form.value, form.value) for form in FileFormat])
    storage = models.CharField(max_length=64)
    key = models.CharField(max_length=1024)
    size = models.BigIntegerField(help_text=_("bytes"))
    etag = models.CharField(max_length=255)
    source = models.CharField(
        max_length=2048, blank=True, help_text=_("what it was copied from; empty: served where it lies")
    )
    source_etag = models.CharField(max_length=255, blank=True)
    header = models.BinaryField(help_text=_("ready to send"))
    header_end = models.BigIntegerField()
    has_eof = models.BooleanField(help_text=_("whether the file ends with the marker its format demands"))
    index_kind = models.CharField(
        max_length=4, blank=True, help_text=_("empty: only the whole file is served")
    )
    index_source = models.CharField(max_length=2048, blank=True)
    index_etag = models.CharField(max_length=255, blank=True)
    index_built = models.BooleanField(default=False, help_text=_("here, because the file had none"))
    unplaced_begin = models.BigIntegerField(null=True)
    version = models.CharField(max_length=16, blank=True, help_text=_("of the format"))
    samples = ArrayField(models.TextField(), default=list, blank=True)
    assembly = models.CharField(max_length=255, blank=True, help_text=_("as the header names it"))
    sort_order = models.CharField(max_length=32, blank=True)
    unplaced = models.BigIntegerField(null=True, help_text=_("reads on no contig, where the index tells"))
    state = models.CharField(max_length=8, choices=State, default=State.READY)
    state_reason = models.CharField(max_length=255, blank=True)
    state_since = models.DateTimeField(auto_now_add=True)
    ingested = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("kind", "htsget_id", "format")
        constraints = (
            models.UniqueConstraint(
                fields=("htsget_id", "kind", "format"),
                name="file_id_unique",
                violation_error_message=_("Another file has this id and format."),
            ),
            models.CheckConstraint(
                condition=reduce(
                    operator.or_,
                    (Q(kind=kind.value, format__in=tuple(map(str, formats_of(kind)))) for kind in FileKind),
                ),
                name="file_kind_goes_with_format",
                violation_error_message=_("BAM and CRAM are reads, VCF and BCF are variants."),
            ),
            models.CheckConstraint(
                condition=~Q(htsget_id="") & ~Q(htsget_id="service-info"),
                name="file_id_is_usable",
                violation_error_message=_(
                    "An id is not empty, and not service-info, which is a path of its own."
                ),
            ),
            models.CheckConstraint(
                condition=Q(size__gt=0),
                name="file_is_not_empty",
                violation_error_message=_("A file has at least one byte."),
            ),
        )
        indexes = (
            models.Index(fields=("storage", "key"), name="file_by_key"),
            models.Index(fields=("dataset", "storage"), include=("size",), name="file_sizes"),
            models.Index(fields=("dataset", "htsget_id", "kind", "format"), name="file_by_dataset"),
            models.Index(fields=("ingested", "id"), name="file_by_time"),
            models.Index(
                fields=("htsget_id", "kind", "format"), condition=~Q(state="ready"), name="file_not_ready"
            ),
            models.Index(Collate(Lower("htsget_id"), "C"), name="file_by_begin_of_id"),
            GinIndex(fields=("samples",), name="file_by_sample"),
            GinIndex(trigrams(FILE_TEXT), name="file_by_part_of_text"),
        )

    def __str__(self) -> str:
        return f"{self.kind}/{self.htsget_id} ({self.format})"


class FileSample(models.Model):
    """A sample of a file, so that samples are listed in order without reading every file.

    Triggers keep these rows (migration 0085) as `DataFile.samples` and `DataFile.dataset` are. Names of more than 2,600
    bytes, which no index holds, are left out.
    """

    pk = models.CompositePrimaryKey("dataset_id", "name", "file_id")
    dataset = models.ForeignKey(
        Dataset, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    name = models.TextField(db_collation="C")
    file = models.ForeignKey(DataFile, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")

    def __str__(self) -> str:
        return self.name


class FormerId(models.Model):
    """An id that files had before they were renamed. No file can have it again until it is released.

    It redirects to `target`, the id of the same kind that its files have now; an empty target means that it is retired,
    as is an id whose files were removed. Triggers keep ids and former ids apart (migration 0046).
    """

    kind = models.CharField(max_length=8, choices=FILE_KINDS)
    htsget_id = models.CharField(max_length=255, help_text=_("the former id"))
    target = models.CharField(
        max_length=255, blank=True, help_text=_("the id that it redirects to; empty: it is retired")
    )
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("former id")
        ordering = ("kind", "htsget_id")
        constraints = (
            models.UniqueConstraint(
                fields=("htsget_id", "kind"),
                name="former_id_unique",
                violation_error_message=_("This id is a former id already."),
            ),
            models.CheckConstraint(
                condition=~Q(htsget_id="") & ~Q(htsget_id=F("target")),
                name="former_id_is_another",
                violation_error_message=_("A former id redirects to another id."),
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in FileKind]),
                name="former_id_kind_is_known",
                violation_error_message=_("A former id is of reads or of variants."),
            ),
        )
        indexes = (
            models.Index(fields=("target", "kind"), name="former_id_by_target"),
            GinIndex(trigrams(F("htsget_id")), name="former_id_by_part"),
        )

    def __str__(self) -> str:
        return f"{self.kind}/{self.htsget_id}"


class Contig(models.Model):
    """A contig that a file's header declares, with its contig index.

    Names may be longer than a database index allows, so the unique index uses the md5 of the name. Look a name up by
    `name__md5`.
    """

    file = models.ForeignKey(DataFile, on_delete=models.CASCADE, related_name="contigs")
    number = models.IntegerField(help_text=_("by which the file's records know it"))
    name = models.CharField()
    length = models.BigIntegerField(null=True)
    md5 = models.BinaryField(null=True, help_text=_("M5 of the header: 16 bytes"))
    aliases = ArrayField(
        models.CharField(), null=True, help_text=_("AN of the header; empty where it has none")
    )
    sequence = models.ForeignKey(Sequence, on_delete=models.SET_NULL, null=True, related_name="contigs")
    mapped = models.BigIntegerField(null=True, help_text=_("records, where the index tells"))
    unmapped = models.BigIntegerField(
        null=True, help_text=_("unmapped reads placed here, where the index tells")
    )
    index = models.BinaryField(default=bytes, help_text=_("packed; empty when no record lies here"))
    chosen = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("a steward chose the sequence: ingests and the dataset's collection do not change it"),
    )

    class Meta:
        ordering = ("file", "number")
        indexes = (
            models.Index(
                fields=("file",), condition=Q(sequence__isnull=True), name="contig_without_sequence"
            ),
            models.Index(fields=("file",), condition=Q(aliases__isnull=False), name="contig_with_aliases"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("file", "number"),
                name="contig_number_unique",
                violation_error_message=_("The file has another contig of this number."),
            ),
            models.UniqueConstraint(
                "file",
                MD5("name"),
                name="contig_name_unique",
                violation_error_message=_("The file has another contig of this name."),
            ),
            models.CheckConstraint(
                condition=IsNull(F("md5"), True) | Exact(Length("md5"), MD5_BYTES),
                name="contig_md5_is_16_bytes",
                violation_error_message=_("An md5 has 16 bytes."),
            ),
        )

    def __str__(self) -> str:
        return self.name
