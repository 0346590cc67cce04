"""What is registered. Every rule that matters is a constraint of the database.

Digests are kept as bytes (`formats.digests` spells them), coordinates are 0-based and half-open, lengths are residues
and sizes bytes. Rows are written by `ingest` and the admin, and read by `queries`.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length, Lower
from django.db.models.lookups import Exact, IsNull
from django.utils.translation import gettext_lazy as _

from catalogue.formats.digests import MD5_BYTES, SHA512T24U_BYTES, sq_name
from catalogue.formats.headers import FileFormat


class NamingAuthority(models.Model):
    """Who gives names to sequences: insdc, refseq, ensembl, ucsc, …; unique without regard to case."""

    name = models.CharField(max_length=64)
    description = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name_plural = _("naming authorities")
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(Lower("name"), name="authority_name_unique_without_case"),
            models.CheckConstraint(
                condition=Q(name__regex=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"), name="authority_name_has_no_colon"
            ),
        )

    def __str__(self) -> str:
        return self.name


class ResidueBlob(models.Model):
    """One stored object of residues: a long sequence, or many short ones behind one another."""

    storage = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    size = models.BigIntegerField(help_text=_("bytes, which are residues"))

    class Meta:
        constraints = (models.UniqueConstraint(fields=("storage", "key"), name="blob_key_unique"),)

    def __str__(self) -> str:
        return f"{self.storage}:{self.key}"


class Molecule(models.TextChoices):
    """What a sequence is made of, as far as its header or its letters tell."""

    DNA = "dna", _("DNA")
    RNA = "rna", _("RNA")
    PROTEIN = "protein", _("protein")
    UNKNOWN = "", _("unknown")


class Sequence(models.Model):
    """A reference sequence, named by its content.

    Without a blob it is known (from the header of a BAM file, say) but its residues are not held here; then the md5
    may be the only digest.
    """

    md5 = models.BinaryField(unique=True, help_text=_("16 bytes"))
    sha512t24u = models.BinaryField(unique=True, null=True, help_text=_("the first 24 bytes of SHA-512"))
    length = models.BigIntegerField(help_text=_("residues"))
    circular = models.BooleanField(default=False)
    molecule = models.CharField(max_length=7, choices=Molecule, blank=True, default=Molecule.UNKNOWN)
    blob = models.ForeignKey(ResidueBlob, on_delete=models.PROTECT, null=True, blank=True, related_name="sequences")
    offset = models.BigIntegerField(null=True, blank=True, help_text=_("bytes into the blob"))
    created = models.DateTimeField(auto_now_add=True, db_default=models.functions.Now())

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Exact(Length("md5"), MD5_BYTES), name="sequence_md5_is_16_bytes"),
            models.CheckConstraint(
                condition=IsNull(F("sha512t24u"), True) | Exact(Length("sha512t24u"), SHA512T24U_BYTES),
                name="sequence_sha512t24u_is_24_bytes",
            ),
            models.CheckConstraint(condition=Q(length__gt=0), name="sequence_is_not_empty"),
            models.CheckConstraint(
                condition=Q(blob__isnull=True, offset__isnull=True)
                | Q(blob__isnull=False, offset__gte=0, sha512t24u__isnull=False),
                name="sequence_is_held_whole_or_not_at_all",
            ),
        )

    def __str__(self) -> str:
        if self.sha512t24u is not None:
            return sq_name(bytes(self.sha512t24u))
        return bytes(self.md5).hex()


class Alias(models.Model):
    """A name that an authority gives to a sequence; one name may mean several sequences."""

    # The unique index begins with the name, which serves both `authority:name` and a bare name.
    authority = models.ForeignKey(NamingAuthority, on_delete=models.PROTECT, db_index=False)
    name = models.CharField(max_length=255)
    sequence = models.ForeignKey(Sequence, on_delete=models.CASCADE, related_name="aliases")

    class Meta:
        verbose_name_plural = _("aliases")
        constraints = (
            models.UniqueConstraint(fields=("name", "authority", "sequence"), name="alias_unique"),
            models.CheckConstraint(condition=~Q(name=""), name="alias_is_not_empty"),
        )

    def __str__(self) -> str:
        return f"{self.authority}:{self.name}"


class SequenceCollection(models.Model):
    """An ordered set of named sequences: an assembly, or what a FASTA file held."""

    name = models.CharField(max_length=255, unique=True)
    description = models.TextField(blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class CollectionMember(models.Model):
    """One sequence in a collection, by the name it has there."""

    collection = models.ForeignKey(SequenceCollection, on_delete=models.CASCADE, related_name="members")
    position = models.PositiveIntegerField(help_text=_("from 0, in the order of the file"))
    name = models.CharField(max_length=255)
    sequence = models.ForeignKey(Sequence, on_delete=models.PROTECT, related_name="memberships")

    class Meta:
        ordering = ("collection", "position")
        constraints = (
            models.UniqueConstraint(fields=("collection", "position"), name="member_position_unique"),
            models.UniqueConstraint(fields=("collection", "name"), name="member_name_unique"),
        )

    def __str__(self) -> str:
        return self.name


class Dataset(models.Model):
    """A steward's unit: files that are described, and may be seen, together."""

    class Visibility(models.TextChoices):
        """Who may fetch its files."""

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

    def __str__(self) -> str:
        return self.slug


class FileKind(models.TextChoices):
    """Which of the two htsget endpoints serves a file."""

    READS = "reads", _("reads")
    VARIANTS = "variants", _("variants")


KIND_OF_FORMAT = {
    FileFormat.BAM: FileKind.READS,
    FileFormat.CRAM: FileKind.READS,
    FileFormat.VCF: FileKind.VARIANTS,
    FileFormat.BCF: FileKind.VARIANTS,
}


class DataFile(models.Model):
    """One stored BAM, CRAM, VCF or BCF file, and all that a ticket needs to know of it.

    `size` and `etag` are those of the moment when it was read; a stored object that differs is another file. Offsets
    written `…_begin` and `…_end` are virtual offsets (for CRAM with the byte in the upper 48 bits).
    """

    class State(models.TextChoices):
        """Whether the stored object is the one that was registered."""

        READY = "ready", _("ready")
        CHANGED = "changed", _("changed since it was ingested")
        MISSING = "missing", _("missing")
        CORRUPT = "corrupt", _("corrupt")

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="files")
    kind = models.CharField(max_length=8, choices=FileKind)
    htsget_id = models.CharField(max_length=255, help_text=_("what clients ask for; may hold slashes"))
    format = models.CharField(max_length=4, choices=[(form.value, form.value) for form in FileFormat])
    storage = models.CharField(max_length=64)
    key = models.CharField(max_length=1024)
    size = models.BigIntegerField(help_text=_("bytes"))
    etag = models.CharField(max_length=255)
    header = models.BinaryField(help_text=_("ready to send"))
    header_end = models.BigIntegerField()
    has_eof = models.BooleanField(help_text=_("whether the file ends with the marker its format demands"))
    index_kind = models.CharField(max_length=4, blank=True, help_text=_("empty: only the whole file is served"))
    unplaced_begin = models.BigIntegerField(null=True)
    version = models.CharField(max_length=16, blank=True, help_text=_("of the format"))
    samples = ArrayField(models.TextField(), default=list, blank=True)
    sort_order = models.CharField(max_length=32, blank=True)
    unplaced = models.BigIntegerField(null=True, help_text=_("reads on no contig, where the index tells"))
    state = models.CharField(max_length=8, choices=State, default=State.READY)
    state_reason = models.CharField(max_length=255, blank=True)
    state_since = models.DateTimeField(auto_now_add=True)
    ingested = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("kind", "htsget_id", "format")
        constraints = (
            models.UniqueConstraint(fields=("htsget_id", "kind", "format"), name="file_id_unique"),
            models.CheckConstraint(
                condition=Q(kind="reads", format__in=("BAM", "CRAM"))
                | Q(kind="variants", format__in=("VCF", "BCF")),
                name="file_kind_goes_with_format",
            ),
            models.CheckConstraint(
                condition=~Q(htsget_id="") & ~Q(htsget_id="service-info"), name="file_id_is_usable"
            ),
            models.CheckConstraint(condition=Q(size__gt=0), name="file_is_not_empty"),
        )
        indexes = (models.Index(fields=("storage", "key"), name="file_by_key"),)

    def __str__(self) -> str:
        return f"{self.kind}/{self.htsget_id} ({self.format})"


class Contig(models.Model):
    """A reference that a file's header declares, with its share of the file's index."""

    file = models.ForeignKey(DataFile, on_delete=models.CASCADE, related_name="contigs")
    number = models.IntegerField(help_text=_("by which the file's records know it"))
    name = models.CharField(max_length=255)
    length = models.BigIntegerField(null=True)
    md5 = models.BinaryField(null=True, help_text=_("M5 of the header: 16 bytes"))
    sequence = models.ForeignKey(Sequence, on_delete=models.SET_NULL, null=True, related_name="contigs")
    mapped = models.BigIntegerField(null=True, help_text=_("records, where the index tells"))
    unmapped = models.BigIntegerField(null=True, help_text=_("unmapped reads placed here, where the index tells"))
    index = models.BinaryField(default=bytes, help_text=_("packed; empty when no record lies here"))

    class Meta:
        ordering = ("file", "number")
        constraints = (
            models.UniqueConstraint(fields=("file", "number"), name="contig_number_unique"),
            models.UniqueConstraint(fields=("file", "name"), name="contig_name_unique"),
            models.CheckConstraint(
                condition=IsNull(F("md5"), True) | Exact(Length("md5"), MD5_BYTES), name="contig_md5_is_16_bytes"
            ),
        )

    def __str__(self) -> str:
        return self.name


class IngestRun(models.Model):
    """One call of an ingest command: who ran what, when, with which outcome."""

    class Outcome(models.TextChoices):
        """How a run stands."""

        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        INTERRUPTED = "interrupted", _("interrupted")

    command = models.CharField(max_length=64)
    actor = models.CharField(max_length=255, help_text=_("the account that ran the command"))
    arguments = models.JSONField(default=dict)
    started = models.DateTimeField(auto_now_add=True)
    finished = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=11, choices=Outcome, default=Outcome.RUNNING)
    summary = models.JSONField(default=dict)

    class Meta:
        ordering = ("-started",)
        constraints = (
            models.CheckConstraint(
                condition=Q(outcome="running", finished__isnull=True)
                | (~Q(outcome="running") & Q(finished__isnull=False)),
                name="run_is_finished_unless_running",
            ),
        )

    def __str__(self) -> str:
        return f"{self.command} {self.started:%Y-%m-%d %H:%M}"


class IngestedFile(models.Model):
    """What became of one input of a run."""

    class Outcome(models.TextChoices):
        """How it ended."""

        ADDED = "added", _("added")
        UNCHANGED = "unchanged", _("unchanged")
        FAILED = "failed", _("failed")

    run = models.ForeignKey(IngestRun, on_delete=models.CASCADE, related_name="files")
    source = models.CharField(max_length=1024, help_text=_("as the command was given it"))
    outcome = models.CharField(max_length=9, choices=Outcome)
    message = models.TextField(blank=True)
    counts = models.JSONField(default=dict)

    class Meta:
        ordering = ("run", "pk")

    def __str__(self) -> str:
        return self.source
