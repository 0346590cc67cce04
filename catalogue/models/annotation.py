"""Models of annotation: what lies where on the sequences of a collection, and the sequences that are derived from it.

Positions are 0-based and half-open, in residues of the region's sequence, whatever the strand. A feature of a circular
region that crosses the origin has an end beyond the region's length; its exons and coding segments count on likewise.
Arrays that belong together have the same length and the order of transcription: the first element is the most 5'.
"""

from typing import Final

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length, Upper
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from catalogue.formats.digests import SHA512T24U_BYTES
from catalogue.models.sequences import NamingAuthority, Sequence, SequenceCollection
from catalogue.models.text_search import trigrams, worth_parts

MAX_NAME = 255
# With this collation, an index of upper-case names serves `iexact` and `istartswith`.
_BYTEWISE: Final = "C"


class Genome(models.Model):
    """One annotation release on a collection of sequences. It is visible to those who may read the collection.

    `content` is a digest of everything that was read; an ingest of the same content changes nothing. Whatever no file
    and no option said is empty.
    """

    genome_id = models.CharField(
        max_length=MAX_NAME,
        unique=True,
        help_text=_("what clients ask for; stable between releases of a server"),
    )
    # A trigger rejects a change: the sequences that were derived are as private as this collection.
    collection = models.ForeignKey(SequenceCollection, on_delete=models.PROTECT, related_name="genomes")
    authority = models.ForeignKey(
        NamingAuthority,
        on_delete=models.PROTECT,
        help_text=_("under which its sequences have their stable ids"),
    )
    assembly_accession = models.CharField(max_length=64, blank=True)
    assembly_name = models.CharField(max_length=MAX_NAME, blank=True)
    scientific_name = models.CharField(max_length=MAX_NAME, blank=True)
    common_name = models.CharField(max_length=MAX_NAME, blank=True)
    taxon_id = models.PositiveIntegerField(null=True, blank=True)
    release = models.CharField(max_length=64, blank=True)
    release_date = models.DateField(null=True, blank=True)
    provider = models.CharField(max_length=MAX_NAME, blank=True, help_text=_("who made the annotation"))
    is_reference = models.BooleanField(default=False, help_text=_("the reference genome of its species"))
    content = models.BinaryField(help_text=_("24 bytes"), editable=False)
    genes = models.PositiveIntegerField(editable=False)
    transcripts = models.PositiveIntegerField(editable=False)
    ingested = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("genome_id",)
        indexes = (
            models.Index(Upper("assembly_accession"), name="genome_by_accession"),
            models.Index(F("taxon_id"), name="genome_by_taxon"),
        )
        constraints = (
            models.CheckConstraint(
                condition=~Q(genome_id=""),
                name="genome_id_is_not_empty",
                violation_error_message=_("A genome has an id."),
            ),
            models.CheckConstraint(
                condition=Exact(Length("content"), SHA512T24U_BYTES),
                name="genome_content_is_24_bytes",
                violation_error_message=_("The digest of an annotation has 24 bytes."),
            ),
        )

    def __str__(self) -> str:
        return self.genome_id


class RegionCode(models.TextChoices):
    """What a region is, where a file says so."""

    CHROMOSOME = "chromosome", _("chromosome")
    PLASMID = "plasmid", _("plasmid")
    SCAFFOLD = "scaffold", _("scaffold")
    UNKNOWN = "", _("unknown")


class Region(models.Model):
    """One sequence of the collection of a genome, with its name there, whether it has genes or not.

    `longest_gene` and `longest_transcript` bound how far before a position a feature that overlaps it may start.
    """

    # The unique indexes below begin with the genome.
    genome = models.ForeignKey(Genome, on_delete=models.CASCADE, db_index=False, related_name="regions")
    position = models.PositiveIntegerField(help_text=_("from 0, in the order of the collection"))
    name = models.CharField(max_length=MAX_NAME)
    sequence = models.ForeignKey(Sequence, on_delete=models.PROTECT, related_name="regions")
    code = models.CharField(max_length=10, choices=RegionCode, blank=True, default=RegionCode.UNKNOWN)
    longest_gene = models.BigIntegerField(default=0, help_text=_("residues"))
    longest_transcript = models.BigIntegerField(default=0, help_text=_("residues"))

    class Meta:
        ordering = ("genome", "position")
        constraints = (
            models.UniqueConstraint(
                fields=("genome", "name"),
                name="region_name_unique",
                violation_error_message=_("Another region of the genome has this name."),
            ),
            models.UniqueConstraint(
                fields=("genome", "position"),
                name="region_position_unique",
                violation_error_message=_("Another region of the genome has this position."),
            ),
        )

    def __str__(self) -> str:
        return self.name


class Strand(models.IntegerChoices):
    """The strand of a feature; NONE where it has none, or exons on both (trans-splicing)."""

    FORWARD = 1, "+"
    REVERSE = -1, "-"
    NONE = 0, "."


class Feature(models.Model):
    """What genes and transcripts have in common.

    `dbxrefs` are references to other databases as `DATABASE:accession`, as GFF3 writes them. `tags` are those that have
    no column of their own.
    """

    # Indexes of the subclasses begin with the genome, and with the region.
    genome = models.ForeignKey(Genome, on_delete=models.CASCADE, db_index=False, related_name="+")
    region = models.ForeignKey(Region, on_delete=models.CASCADE, db_index=False, related_name="%(class)ss")
    start = models.BigIntegerField()
    end = models.BigIntegerField()
    strand = models.SmallIntegerField(choices=Strand)
    unversioned_stable_id = models.CharField(max_length=MAX_NAME, db_collation=_BYTEWISE)
    version = models.PositiveIntegerField(null=True, blank=True)
    symbol = models.CharField(max_length=MAX_NAME, blank=True, db_collation=_BYTEWISE)
    so_term = models.CharField(max_length=64, help_text=_("of the Sequence Ontology, as the file has it"))
    biotype = models.CharField(max_length=64, blank=True)
    source = models.CharField(max_length=64, blank=True, help_text=_("who or what found it"))
    dbxrefs = ArrayField(models.TextField(), default=list, blank=True)
    tags = ArrayField(models.TextField(), default=list, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.stable_id

    @property
    def stable_id(self) -> str:
        """The stable id with its version, where it has one."""
        return versioned(self.unversioned_stable_id, self.version)


class Gene(Feature):
    """A gene. `name` is its description; `name_source` and `name_accession` tell where symbol and name come from."""

    name = models.TextField(blank=True)
    name_source = models.CharField(max_length=MAX_NAME, blank=True, help_text=_("for example HGNC Symbol"))
    name_accession = models.CharField(max_length=MAX_NAME, blank=True, help_text=_("for example HGNC:1101"))
    synonyms = ArrayField(models.TextField(), default=list, blank=True, help_text=_("other symbols"))

    class Meta:
        indexes = (
            models.Index(
                F("genome"),
                Upper("unversioned_stable_id"),
                name="gene_by_stable_id",
            ),
            models.Index(F("genome"), Upper("symbol"), name="gene_by_symbol"),
            models.Index(fields=("region", "start"), name="gene_by_location"),
            GinIndex(trigrams(F("symbol")), condition=worth_parts(F("symbol")), name="gene_by_part"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(start__gte=0, end__gt=F("start"), strand__in=(-1, 0, 1)),
                name="gene_has_a_location",
                violation_error_message=_("A gene has at least one residue."),
            ),
        )


class Mane(models.TextChoices):
    """The designation of a transcript by MANE."""

    SELECT = "select", _("MANE Select")
    PLUS_CLINICAL = "plus_clinical", _("MANE Plus Clinical")
    NONE = "", _("none")


class Transcript(Feature):
    """A transcript of a gene, with its exons as arrays: no query asks for one exon alone.

    `exon_strands` and `exon_regions` (primary keys) are empty where all exons lie on the strand and region of the
    transcript; `exon_ids` (versioned) is empty where the file names no exon. The cDNA is empty where the residues of
    the region are not held here.
    """

    gene = models.ForeignKey(Gene, on_delete=models.CASCADE, related_name="transcripts")
    exon_starts = ArrayField(models.BigIntegerField())
    exon_ends = ArrayField(models.BigIntegerField())
    exon_ids = ArrayField(models.TextField(), default=list, blank=True)
    exon_strands = ArrayField(models.SmallIntegerField(), default=list, blank=True)
    exon_regions = ArrayField(models.BigIntegerField(), default=list, blank=True)
    cdna = models.ForeignKey(
        Sequence, on_delete=models.PROTECT, null=True, blank=True, related_name="transcripts"
    )
    canonical = models.BooleanField(default=False)
    mane = models.CharField(max_length=13, choices=Mane, blank=True, default=Mane.NONE)
    gencode_basic = models.BooleanField(default=False)
    tsl = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text=_("transcript support level, 1 to 5")
    )
    appris = models.CharField(
        max_length=16, blank=True, help_text=_("for example principal1 or alternative2")
    )

    class Meta:
        indexes = (
            models.Index(
                F("genome"),
                Upper("unversioned_stable_id"),
                name="transcript_by_stable_id",
            ),
            models.Index(F("genome"), Upper("symbol"), name="transcript_by_symbol"),
            models.Index(fields=("region", "start"), name="transcript_by_location"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(start__gte=0, end__gt=F("start"), strand__in=(-1, 0, 1)),
                name="transcript_has_a_location",
                violation_error_message=_("A transcript has at least one residue."),
            ),
            models.CheckConstraint(
                condition=Q(exon_starts__len__gt=0, exon_starts__len=F("exon_ends__len"))
                & (Q(exon_ids__len=0) | Q(exon_ids__len=F("exon_starts__len")))
                & (Q(exon_strands__len=0) | Q(exon_strands__len=F("exon_starts__len")))
                & (Q(exon_regions__len=0) | Q(exon_regions__len=F("exon_starts__len"))),
                name="transcript_has_exons",
                violation_error_message=_("A transcript has at least one exon."),
            ),
        )


class Product(models.Model):
    """A protein of a genome. Several transcripts may have the same; their contexts say how each makes it."""

    genome = models.ForeignKey(Genome, on_delete=models.CASCADE, db_index=False, related_name="products")
    unversioned_stable_id = models.CharField(max_length=MAX_NAME, db_collation=_BYTEWISE)
    version = models.PositiveIntegerField(null=True, blank=True)
    sequence = models.ForeignKey(Sequence, on_delete=models.PROTECT, related_name="products")
    name = models.TextField(blank=True)
    dbxrefs = ArrayField(models.TextField(), default=list, blank=True)

    class Meta:
        indexes = (
            models.Index(
                F("genome"),
                Upper("unversioned_stable_id"),
                name="product_by_stable_id",
            ),
        )

    def __str__(self) -> str:
        return self.stable_id

    @property
    def stable_id(self) -> str:
        """The stable id with its version, where it has one."""
        return versioned(self.unversioned_stable_id, self.version)


class ProductGeneratingContext(models.Model):
    """How a transcript makes a product. Transcripts that code for nothing have none.

    The coding sequence joins the segments: parts of the exons, which overlap or leave a gap where the ribosome slips.
    `cds_start` and `cds_end` are where the coding sequence lies in the cDNA; before and after it are the untranslated
    regions. `start_phases` and `end_phases` are of each exon, as Ensembl counts them: the number of residues of a codon
    that precede the edge, -1 where the edge is not coding.
    """

    transcript = models.ForeignKey(Transcript, on_delete=models.CASCADE, related_name="contexts")
    number = models.PositiveSmallIntegerField(help_text=_("from 0, which is the default"))
    product = models.ForeignKey(
        Product, on_delete=models.CASCADE, null=True, blank=True, related_name="contexts"
    )
    cds = models.ForeignKey(
        Sequence, on_delete=models.PROTECT, null=True, blank=True, related_name="contexts"
    )
    cds_start = models.BigIntegerField(help_text=_("residues into the cDNA"))
    cds_end = models.BigIntegerField(help_text=_("residues into the cDNA"))
    segment_starts = ArrayField(models.BigIntegerField())
    segment_ends = ArrayField(models.BigIntegerField())
    start_phases = ArrayField(models.SmallIntegerField())
    end_phases = ArrayField(models.SmallIntegerField())
    genetic_code = models.PositiveSmallIntegerField(default=1, help_text=_("NCBI translation table"))

    class Meta:
        ordering = ("transcript", "number")
        constraints = (
            models.UniqueConstraint(
                fields=("transcript", "number"),
                name="context_number_unique",
                violation_error_message=_("The transcript has another context of this number."),
            ),
            models.CheckConstraint(
                condition=Q(cds_start__gte=0, cds_end__gt=F("cds_start"))
                & Q(segment_starts__len__gt=0, segment_starts__len=F("segment_ends__len"))
                & Q(start_phases__len=F("end_phases__len")),
                name="context_has_a_coding_sequence",
                violation_error_message=_("A product comes from at least one coding residue."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.transcript}, {self.number}"


class DerivedSequence(models.Model):
    """A cDNA, coding sequence or protein that a genome gave.

    It counts as a sequence of the genome's collection for `Sequence.private` and for who may read it (migration 0061).
    """

    genome = models.ForeignKey(Genome, on_delete=models.CASCADE, related_name="derived")
    sequence = models.ForeignKey(
        Sequence, on_delete=models.PROTECT, db_index=False, related_name="derivations"
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("sequence", "genome"),
                name="derived_sequence_unique",
                violation_error_message=_("The genome has this sequence already."),
            ),
        )

    def __str__(self) -> str:
        return f"{self.genome}: {self.sequence_id}"


def versioned(stable_id: str, version: int | None) -> str:
    """Return a stable id with its version, where it has one: `ENST00000380152.8`."""
    return stable_id if version is None else f"{stable_id}.{version}"
