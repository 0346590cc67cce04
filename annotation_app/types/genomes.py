"""Genomes, their assemblies and regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from annotation_app.context import Context, Peers
from catalogue.queries import annotation
from catalogue.queries.annotation import SequenceSummary, StoredGenome, StoredRegion, release_number

_BODIES: Final = {"GCA": "INSDC", "GCF": "NCBI RefSeq"}


@dataclass(frozen=True, slots=True)
class Alphabet:
    """The letters of a sequence."""

    value: str
    label: str
    definition: str
    description: None = None

    @property
    def accession_id(self) -> str:
        """The id that Ensembl gives to alphabets."""
        return f"sequence_alphabet.{self.value}"


_ALPHABETS: Final[Mapping[str, Alphabet]] = {
    "dna": Alphabet("dna", "DNA", "The letters of IUPAC for deoxyribonucleotides."),
    "rna": Alphabet("rna", "RNA", "The letters of IUPAC for ribonucleotides."),
    "protein": Alphabet("protein", "Protein", "The letters of IUPAC for amino acids."),
}


@dataclass(frozen=True, slots=True)
class RefgetSequence:
    """A sequence that refget serves."""

    row: SequenceSummary

    @property
    def alphabet(self) -> Alphabet | None:
        """Its letters; None where the molecule is not known."""
        return _ALPHABETS.get(self.row.molecule)

    @property
    def checksum(self) -> str:
        """The MD5 in hex."""
        return self.row.md5


class Genomes:
    """Genomes that are listed together: what belongs to one is loaded for all."""

    def __init__(self, rows: Sequence[StoredGenome], context: Context) -> None:
        context.spend_rows(len(rows))
        context.genomes_seen.update(row.pk for row in rows)
        self.rows = rows
        self.context = context
        self._regions: Mapping[int, Sequence[Region]] | None = None
        self._of_taxa: Mapping[int, Sequence[Genome]] | None = None

    def made(self) -> list[Genome]:
        """Return the genomes in order."""
        return [Genome(row, self) for row in self.rows]

    @property
    def regions(self) -> Mapping[int, Sequence[Region]]:
        """The regions of each genome."""
        if self._regions is None:
            keys = [row.pk for row in self.rows]
            found = annotation.regions_of(keys, max_rows=self.context.rows_left)
            peers = Peers([region for regions in found.values() for region in regions], self.context)
            self._regions = {key: [Region(row, peers) for row in regions] for key, regions in found.items()}
        return self._regions

    @property
    def of_taxa(self) -> Mapping[int, Sequence[Genome]]:
        """The genomes of each taxon."""
        if self._of_taxa is None:
            taxa = {row.taxon_id for row in self.rows if row.taxon_id is not None}
            found = annotation.genomes_of_taxa(
                taxa, viewer=self.context.viewer, max_rows=self.context.rows_left
            )
            listed = Genomes([row for rows in found.values() for row in rows], self.context)
            self._of_taxa = {taxon: [Genome(row, listed) for row in rows] for taxon, rows in found.items()}
        return self._of_taxa


class Genome:
    """One annotation release of one assembly."""

    tol_id = genome_tag = None
    dataset: Final[Sequence[object]] = ()

    def __init__(self, row: StoredGenome, listed: Genomes) -> None:
        self.row = row
        self.listed = listed
        self.genome_id = row.genome_id
        self.assembly_accession = row.assembly_accession or None
        self.scientific_name = row.scientific_name or None
        self.release_number = release_number(row.release)
        self.release_label = row.release or None
        self.release_date = None if row.release_date is None else row.release_date.isoformat()
        self.taxon_id = row.taxon_id
        self.parlance_name = row.common_name or None
        self.is_reference = row.is_reference
        self.provider_name = row.provider or None

    @property
    def assembly(self) -> Assembly:
        """The sequences that it describes."""
        return Assembly(self)


class Assembly:
    """The collection of sequences of a genome."""

    default = True
    tolid = None

    def __init__(self, genome: Genome) -> None:
        row = genome.row
        self.genome = genome
        self.assembly_id = self.id = row.collection_name
        self.name = row.assembly_name or None
        self.accession_id = row.assembly_accession or None
        self.accessioning_body = _BODIES.get(row.assembly_accession.partition("_")[0])

    @property
    def organism(self) -> Organism:
        """Whose sequences they are."""
        return Organism(self.genome)

    @property
    def regions(self) -> Sequence[Region]:
        """The sequences, in order."""
        return self.genome.listed.regions[self.genome.row.pk]


class Organism:
    """The organism of a genome. Genomes with the same taxon id are of one organism."""

    id = None

    def __init__(self, genome: Genome) -> None:
        self.genome = genome
        self.scientific_name = genome.scientific_name
        self.scientific_parlance_name = genome.parlance_name
        self.is_reference_organism = genome.is_reference

    @property
    def species(self) -> Species:
        """Its species."""
        return Species(self)

    @property
    def assemblies(self) -> list[Assembly]:
        """Its assemblies that the viewer may see."""
        genome = self.genome
        if genome.taxon_id is None:
            return [genome.assembly]
        return [other.assembly for other in genome.listed.of_taxa[genome.taxon_id]]


class Species:
    """The species of an organism."""

    alternative_names: Final[Sequence[str]] = ()

    def __init__(self, organism: Organism) -> None:
        self.organisms = [organism]
        self.scientific_name = organism.scientific_name
        self.ncbi_common_name = organism.scientific_parlance_name
        self.taxon_id = organism.genome.taxon_id


class RegionMetadata:
    """What is said about a region: nothing so far."""

    ontology_terms: Final[Sequence[object]] = ()


_REGION_METADATA: Final = RegionMetadata()


class Region:
    """One sequence of an assembly."""

    metadata = _REGION_METADATA

    def __init__(self, row: StoredRegion, peers: Peers[StoredRegion]) -> None:
        self.row = row
        self.peers = peers
        self.name = row.name
        self.length = row.length
        self.code = row.code or None
        self.topology = "circular" if row.circular else "linear"

    @property
    def sequence(self) -> RefgetSequence:
        """Its residues, at refget."""
        return RefgetSequence(self.row.sequence)

    @property
    def assembly(self) -> Assembly:
        """The assembly that it is of."""
        return self.peers.related("genomes", self._genomes)[self.row.genome].assembly

    def _genomes(self) -> dict[int, Genome]:
        keys = {row.genome for row in self.peers.rows}
        found = self.peers.context.genomes(keys)
        listed = Genomes([found[key] for key in sorted(keys)], self.peers.context)
        return {genome.row.pk: genome for genome in listed.made()}
