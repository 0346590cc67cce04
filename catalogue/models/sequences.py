"""Models of reference sequences, their aliases, and collections."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length, Lower
from django.db.models.lookups import Exact, IsNull
from django.utils.translation import gettext_lazy as _

from catalogue.formats.digests import MD5_BYTES, SHA512T24U_BYTES, sq_name
from catalogue.models.recorded import Recorded
from catalogue.models.text_search import accession_number, is_numbered, trigrams, worth_parts


class NamingAuthority(models.Model):
    """A naming authority: insdc, refseq, ensembl, ucsc, …; unique regardless of case."""

    name = models.CharField(max_length=64)
    description = models.CharField(max_length=255, blank=True)
    private = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_(
            "not listed in the service-info document; set when it first came with a private collection"
        ),
    )

    class Meta:
        verbose_name_plural = _("naming authorities")
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(
                Lower("name"),
                name="authority_name_unique_without_case",
                violation_error_message=_("There is a naming authority of this name, perhaps in other case."),
            ),
            models.CheckConstraint(
                condition=Q(name__regex=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"),
                name="authority_name_has_no_colon",
                violation_error_message=_(
                    "The name of an authority has letters, digits, dots, _ and -, and begins with a letter or digit."
                ),
            ),
        )

    def __str__(self) -> str:
        return self.name


class ResidueBlob(models.Model):
    """One stored object of residues: one long sequence, or many short ones concatenated."""

    storage = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    size = models.BigIntegerField(help_text=_("bytes, which are residues"))

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("storage", "key"),
                name="blob_key_unique",
                violation_error_message=_("This object is registered already."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.storage}:{self.key}"


class Molecule(models.TextChoices):
    """The molecule of a sequence, as far as its header or letters prove it."""

    DNA = "dna", _("DNA")
    RNA = "rna", _("RNA")
    PROTEIN = "protein", _("protein")
    UNKNOWN = "", _("unknown")


class Sequence(models.Model):
    """A reference sequence, identified by its content.

    Without a blob the sequence is known (for example from a BAM header) but its residues are not held here; then md5
    may be its only digest.

    Triggers maintain `private` (migrations 0022, 0061): a sequence in collections, as a member or derived by an
    annotation, is private while all of them are private. A sequence in no collection, or removed from its last one,
    keeps its value until somebody publishes it.
    """

    md5 = models.BinaryField(unique=True, help_text=_("16 bytes"))
    sha512t24u = models.BinaryField(unique=True, null=True, help_text=_("the first 24 bytes of SHA-512"))
    length = models.BigIntegerField(help_text=_("residues"))
    circular = models.BooleanField(default=False)
    molecule = models.CharField(max_length=7, choices=Molecule, blank=True, default=Molecule.UNKNOWN)
    blob = models.ForeignKey(
        ResidueBlob, on_delete=models.PROTECT, null=True, blank=True, related_name="sequences"
    )
    offset = models.BigIntegerField(null=True, blank=True, help_text=_("bytes into the blob"))
    private = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text=_("only for those who may read one of its collections"),
    )
    created = models.DateTimeField(auto_now_add=True, db_default=models.functions.Now())

    class Meta:
        # Private sequences are few; publishing a collection has to find them among millions.
        indexes = (
            models.Index(fields=("id",), condition=Q(private=True), name="sequence_private"),
            models.Index(fields=("id",), condition=Q(blob__isnull=True), name="sequence_not_held"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Exact(Length("md5"), MD5_BYTES),
                name="sequence_md5_is_16_bytes",
                violation_error_message=_("An md5 has 16 bytes."),
            ),
            models.CheckConstraint(
                condition=IsNull(F("sha512t24u"), True) | Exact(Length("sha512t24u"), SHA512T24U_BYTES),
                name="sequence_sha512t24u_is_24_bytes",
                violation_error_message=_("A truncated SHA-512 has 24 bytes."),
            ),
            models.CheckConstraint(
                condition=Q(length__gt=0),
                name="sequence_is_not_empty",
                violation_error_message=_("A sequence has at least one residue."),
            ),
            models.CheckConstraint(
                condition=Q(blob__isnull=True, offset__isnull=True)
                | Q(blob__isnull=False, offset__isnull=False, offset__gte=0, sha512t24u__isnull=False),
                name="sequence_is_held_whole_or_not_at_all",
                violation_error_message=_(
                    "A sequence that is held here has a blob, an offset and both digests."
                ),
            ),
        )

    def __str__(self) -> str:
        if self.sha512t24u is not None:
            return sq_name(bytes(self.sha512t24u))
        return bytes(self.md5).hex()


class Alias(models.Model):
    """A name that an authority gives to a sequence; one name may mean several sequences.

    An alias that came with a private collection is visible to those who may read it, and is deleted with it.
    """

    # The unique index begins with the name, which serves both `authority:name` and a bare name.
    authority = models.ForeignKey(NamingAuthority, on_delete=models.PROTECT, db_index=False)
    name = models.CharField(max_length=255)
    sequence = models.ForeignKey(Sequence, on_delete=models.CASCADE, related_name="aliases")
    collection = models.ForeignKey(
        "SequenceCollection",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_index=False,
        related_name="aliases",
        help_text=_("the private collection that it came with; empty: for whoever may see the sequence"),
    )

    class Meta:
        verbose_name_plural = _("aliases")
        indexes = (
            models.Index(
                fields=("collection",), condition=Q(collection__isnull=False), name="alias_by_collection"
            ),
            GinIndex(trigrams(F("name")), condition=worth_parts(F("name")), name="alias_by_part"),
            models.Index(
                accession_number(F("name")), condition=Q(is_numbered(F("name"))), name="alias_by_number"
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("name", "authority", "sequence", "collection"),
                nulls_distinct=False,
                name="alias_unique",
                violation_error_message=_("The sequence has this alias already."),
            ),
            models.CheckConstraint(
                condition=~Q(name=""),
                name="alias_is_not_empty",
                violation_error_message=_("An alias is not empty."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.authority}:{self.name}"


class SequenceCollection(Recorded):
    """An ordered set of named sequences: an assembly, or what a FASTA file held.

    A sequence is private while it is in private collections and in no public one; see `Sequence.private`.
    """

    class Visibility(models.TextChoices):
        """Who may fetch the collection's sequences."""

        PUBLIC = "public", _("public: anybody")
        PRIVATE = "private", _("private: whoever was granted access")

    name = models.CharField(max_length=255, unique=True)
    description = models.TextField(blank=True)
    visibility = models.CharField(
        max_length=7,
        choices=Visibility,
        default=Visibility.PUBLIC,
        db_default=Visibility.PUBLIC,
        help_text=_("a sequence is private when it lies in private collections and in no public one"),
    )
    content = models.ForeignKey(
        "CollectionContent",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="collections",
        help_text=_("empty until the digests are made, and where a member is known by its md5 only"),
    )
    longest_lengths = ArrayField(
        models.BigIntegerField(),
        null=True,
        blank=True,
        editable=False,
        help_text=_("of the longest sequences, in residues, to find it by; empty until the digests are made"),
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        indexes = (
            GinIndex(fields=("longest_lengths",), name="collection_by_lengths"),
            GinIndex(trigrams(F("name")), name="collection_by_part"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(visibility__in=("public", "private")),
                name="collection_visibility_is_known",
                violation_error_message=_("A collection is public or private."),
            ),
        )

    def __str__(self) -> str:
        return self.name


class CollectionMember(models.Model):
    """One sequence in a collection, with its name there."""

    collection = models.ForeignKey(SequenceCollection, on_delete=models.CASCADE, related_name="members")
    position = models.PositiveIntegerField(help_text=_("from 0, in the order of the file"))
    name = models.CharField(max_length=255)
    sequence = models.ForeignKey(Sequence, on_delete=models.PROTECT, related_name="memberships")

    class Meta:
        ordering = ("collection", "position")
        indexes = (GinIndex(trigrams(F("name")), condition=worth_parts(F("name")), name="member_by_part"),)
        constraints = (
            models.UniqueConstraint(
                fields=("collection", "position"),
                name="member_position_unique",
                violation_error_message=_("Another sequence has this position in the collection."),
            ),
            models.UniqueConstraint(
                fields=("collection", "name"),
                name="member_name_unique",
                violation_error_message=_("Another sequence has this name in the collection."),
            ),
        )

    def __str__(self) -> str:
        return self.name
