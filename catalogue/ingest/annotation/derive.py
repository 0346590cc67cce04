"""Makes the sequences of genes, and the rows that describe them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from catalogue.formats.annotation.codes import genetic_code, is_genetic_code
from catalogue.formats.annotation.models import Coding, Gene, StableId, Transcript
from catalogue.formats.annotation.ordering import enclosing
from catalogue.formats.annotation.splicing import Placed, place, recoded_positions, spliced
from catalogue.formats.annotation.translation import translate
from catalogue.formats.digests import Digests, sequence_digests
from catalogue.formats.fasta import Header
from catalogue.formats.fasta_names import NameUnder
from catalogue.formats.molecule import SAMPLE
from catalogue.ingest.annotation.options import CDS_SUFFIX, PROTEIN_SUFFIX, Release
from catalogue.ingest.annotation.published import PublishedSequences
from catalogue.ingest.annotation.regions import CollectionRegions
from catalogue.ingest.fasta.residues import Arrived
from catalogue.ingest.fasta.rows import Row
from catalogue.models import Molecule

_MAX_TERM: Final = 64


class GeneRow(NamedTuple):
    """A gene as it waits for registration; `region` is the position of its region in the collection."""

    number: int
    region: int
    start: int
    end: int
    strand: int
    unversioned_stable_id: str
    version: int | None
    symbol: str
    so_term: str
    biotype: str
    source: str
    dbxrefs: list[str]
    tags: list[str]
    name: str
    name_source: str
    name_accession: str
    synonyms: list[str]


class TranscriptRow(NamedTuple):
    """A transcript as it waits for registration; `gene` is the number of its gene, `cdna` an md5."""

    number: int
    gene: int
    region: int
    start: int
    end: int
    strand: int
    unversioned_stable_id: str
    version: int | None
    symbol: str
    so_term: str
    biotype: str
    source: str
    dbxrefs: list[str]
    tags: list[str]
    exon_starts: list[int]
    exon_ends: list[int]
    exon_ids: list[str]
    exon_strands: list[int]
    exon_regions: list[int]
    cdna: bytes | None
    canonical: bool
    mane: str
    gencode_basic: bool
    tsl: int | None
    appris: str


class ContextRow(NamedTuple):
    """A coding sequence with its product as they wait; `cds` and `product` are md5s, None where there are none."""

    transcript: int
    number: int
    product: bytes | None
    product_id: str
    product_version: int | None
    product_name: str
    product_dbxrefs: list[str]
    cds: bytes | None
    cds_start: int
    cds_end: int
    segment_starts: list[int]
    segment_ends: list[int]
    start_phases: list[int]
    end_phases: list[int]
    genetic_code: int


@dataclass(slots=True)
class Batch:
    """Rows and sequences of some genes; `residues` is the number of these."""

    genes: list[GeneRow] = field(default_factory=list)
    transcripts: list[TranscriptRow] = field(default_factory=list)
    contexts: list[ContextRow] = field(default_factory=list)
    sequences: list[Row] = field(default_factory=list)
    residues: int = 0


class _Made(NamedTuple):
    """Derived residues with their digests."""

    residues: bytes
    digests: Digests


class _Product(NamedTuple):
    """A coding sequence that was placed in its transcript, and what was made of it."""

    coding: Coding
    placed: Placed
    code: int
    cds: _Made | None
    protein: _Made | None


class Deriver:
    """Turns genes into rows and sequences. `counts` has what was made, and what was noticed on the way."""

    def __init__(
        self, release: Release, regions: CollectionRegions, published: PublishedSequences | None
    ) -> None:
        self._release = release
        self._regions = regions
        self._published = published
        self._codes: Mapping[int, int] = {
            regions[seqid].number: code for seqid, code in release.region_codes.items() if seqid in regions
        }
        self.counts: Counter[str] = Counter()

    def add(self, gene: Gene, batch: Batch) -> None:
        """Append a gene with everything below it. Raises ValueError, StorageError."""
        number = self.counts["genes"]
        self.counts["genes"] += 1
        batch.genes.append(_gene_row(number, gene))
        for transcript in gene.transcripts:
            self._add_transcript(transcript, number, batch)

    def _add_transcript(self, transcript: Transcript, gene: int, batch: Batch) -> None:
        number = self.counts["transcripts"]
        self.counts["transcripts"] += 1
        held = all(self._regions.is_held(block.region) for block in transcript.exons)
        self.counts["without_residues"] += not held
        cdna = _made(spliced(transcript.exons, self._regions.read)) if held else None
        products = list(self._products(transcript, held=held))
        batch.transcripts.append(_transcript_row(number, gene, transcript, cdna))
        batch.contexts += (_context_row(number, at, product) for at, product in enumerate(products))
        self._add_sequences(transcript, cdna, products, batch)

    def _products(self, transcript: Transcript, *, held: bool) -> Iterator[_Product]:
        for coding in transcript.codings:
            placed = place(transcript.exons, coding)
            if placed is None:
                self.counts["outside_exons"] += 1
                continue
            region = coding.segments[0].region
            code = coding.genetic_code or self._codes.get(region, self._release.genetic_code)
            if not is_genetic_code(code):
                raise ValueError(f"there is no translation table {code}")
            cds = spliced(coding.segments, self._regions.read) if held else b""
            protein = b"" if coding.pseudo else self._protein(coding, cds, code)
            self.counts["proteins"] += bool(protein)
            yield _Product(coding, placed, code, _made(cds), _made(protein))

    def _protein(self, coding: Coding, cds: bytes, code: int) -> bytes:
        protein = translate(
            cds,
            genetic_code(code),
            phase=coding.phase,
            complete_start=coding.complete_start,
            complete_end=coding.complete_end,
            begins_with_x=self._release.begins_with_x,
            recoded=recoded_positions(coding),
            selenocysteine=coding.selenoprotein,
            methionine=coding.starts_with_methionine,
        )
        self.counts["with_inner_stops"] += protein.inner_stops > 0
        return protein.residues

    def _add_sequences(
        self, transcript: Transcript, cdna: _Made | None, products: list[_Product], batch: Batch
    ) -> None:
        """Append the sequences of a transcript, with their names where these are true."""
        authority, own = self._release.authority, transcript.stable_id
        nucleotides = [cdna, *(product.cds for product in products)]
        named_alike = [product.protein for product in products if product.coding.stable_id == own]
        is_true = self._is_true(own, [*nucleotides, *named_alike], transcript.differs)
        if cdna is not None:
            names = _names(authority, own) if is_true and not transcript.implied else []
            _append(batch, cdna, Molecule.DNA, names, transcript.line)
        for at, product in enumerate(products):
            coding = product.coding
            if product.cds is not None:
                names = _names(authority + CDS_SUFFIX, own) if is_true and at == 0 else []
                _append(batch, product.cds, Molecule.DNA, names, transcript.line)
            if product.protein is not None:
                alike = coding.stable_id == own and not transcript.implied
                suffix = PROTEIN_SUFFIX if alike else ""
                if not alike:
                    is_true = self._is_true(coding.stable_id, [product.protein], coding.differs)
                names = _names(authority + suffix, coding.stable_id) if is_true and not coding.differs else []
                _append(batch, product.protein, Molecule.PROTEIN, names, transcript.line)

    def _is_true(self, stable_id: StableId, made: list[_Made | None], differs: str) -> bool:
        """Return whether the id means these sequences: by what is published, else by what the annotation says."""
        verdict = None
        if self._published is not None:
            known = {one.digests.md5 for one in made if one is not None}
            verdict = self._published.compare(_spellings(stable_id), known, expected=differs)
        return not differs if verdict is None else verdict


def _made(residues: bytes) -> _Made | None:
    return _Made(residues, sequence_digests(residues)) if residues else None


def _spellings(stable_id: StableId) -> list[str]:
    return list(dict.fromkeys((str(stable_id), stable_id.name)))


def _names(authority: str, stable_id: StableId) -> list[NameUnder]:
    return [NameUnder(authority, name) for name in _spellings(stable_id)]


def _append(batch: Batch, made: _Made, molecule: Molecule, names: list[NameUnder], line: int) -> None:
    residues = made.residues
    header = Header(names[0].name if names else "", "", line)
    arrived = Arrived(header, len(residues), made.digests, residues[:SAMPLE], residues, None)
    batch.sequences.append(Row(arrived, False, molecule, names))
    batch.residues += len(residues)


def _gene_row(number: int, gene: Gene) -> GeneRow:
    return GeneRow(
        number,
        gene.region,
        gene.start,
        gene.end,
        gene.strand,
        gene.stable_id.name,
        gene.stable_id.version,
        gene.symbol,
        gene.so_term[:_MAX_TERM],
        gene.biotype,
        gene.source[:_MAX_TERM],
        gene.dbxrefs,
        gene.tags,
        gene.name,
        gene.name_source,
        gene.name_accession,
        gene.synonyms,
    )


def _transcript_row(number: int, gene: int, transcript: Transcript, cdna: _Made | None) -> TranscriptRow:
    exons = transcript.exons
    around = enclosing(exons)
    return TranscriptRow(
        number,
        gene,
        *around,
        transcript.stable_id.name,
        transcript.stable_id.version,
        transcript.symbol,
        transcript.so_term[:_MAX_TERM],
        transcript.biotype,
        transcript.source[:_MAX_TERM],
        transcript.dbxrefs,
        transcript.tags,
        [exon.start for exon in exons],
        [exon.end for exon in exons],
        transcript.exon_ids,
        [exon.strand for exon in exons] if any(exon.strand != around.strand for exon in exons) else [],
        [exon.region for exon in exons] if any(exon.region != around.region for exon in exons) else [],
        None if cdna is None else cdna.digests.md5,
        transcript.canonical,
        transcript.mane,
        transcript.gencode_basic,
        transcript.tsl,
        transcript.appris,
    )


def _context_row(transcript: int, number: int, product: _Product) -> ContextRow:
    coding, placed = product.coding, product.placed
    return ContextRow(
        transcript,
        number,
        None if product.protein is None else product.protein.digests.md5,
        coding.stable_id.name,
        coding.stable_id.version,
        coding.name,
        coding.dbxrefs,
        None if product.cds is None else product.cds.digests.md5,
        placed.start,
        placed.end,
        [segment.start for segment in coding.segments],
        [segment.end for segment in coding.segments],
        placed.start_phases,
        placed.end_phases,
        product.code,
    )
