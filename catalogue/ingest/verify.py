"""Verifies stored residues: compares their digests with the catalogue."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Final

from django.db.models import QuerySet

from catalogue import queries
from catalogue.errors import ObjectMissing, ShortRead
from catalogue.formats.digests import Digests, sequence_digests
from catalogue.ingest.fasta.digester import ParallelDigester
from catalogue.models import ResidueBlob, Sequence
from catalogue.storage import PIECE, Storage, storage

# Rows fetched from the database at a time.
_ROWS: Final = 5000


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between storage and catalogue; `name` is the name of the sequence or object."""

    name: str
    problem: str


@dataclass(slots=True)
class Verification:
    """The numbers of sequences and residues read, of sequences without residues, and every difference."""

    sequences: int = 0
    residues: int = 0
    unheld: int = 0
    differences: list[Difference] = field(default_factory=list)


def verify_sequences(
    *,
    identifiers: Iterable[str] = (),
    sample: int | None = None,
    blobs: Iterable[int] | None = None,
    observer: Callable[[int], None] = lambda residues: None,
) -> Verification:
    """Compare the residues of the identified sequences, of a random `sample`, or of all, with their digests.

    `blobs` are the primary keys of the blobs whose sequences count.

    `observer` is told the number of residues read so far. Raises NotFound and AmbiguousAlias for an identifier,
    StorageError if a storage does not answer. Needs a few MiB of memory.
    """
    rows = Sequence.objects.all()
    if asked := [queries.sequence(identifier).pk for identifier in identifiers]:
        rows = rows.filter(pk__in=asked)
    if blobs is not None:
        rows = rows.filter(blob__in=list(blobs))
    result = Verification(unheld=rows.filter(blob=None).count())
    rows = rows.exclude(blob=None)
    if sample is not None:
        rows = rows.filter(pk__in=list(rows.order_by("?").values_list("pk", flat=True)[:sample]))
    with ParallelDigester() as digester:
        for blob_pk, group in groupby(_in_order(rows), key=attrgetter("blob_id")):
            blob = ResidueBlob.objects.get(pk=blob_pk)
            for sequence, digests in _digested(blob, group, digester, result):
                _compare(sequence, digests, result)
                observer(result.residues)
    return result


def total_residues() -> int:
    """Return the number of stored residues, from the sizes of their blobs."""
    return sum(ResidueBlob.objects.values_list("size", flat=True).iterator())


def _in_order(rows: QuerySet[Sequence]) -> Iterator[Sequence]:
    wanted = rows.only("md5", "sha512t24u", "length", "blob_id", "offset")
    return wanted.order_by("blob_id", "offset").iterator(chunk_size=_ROWS)


def _digested(
    blob: ResidueBlob, sequences: Iterator[Sequence], digester: ParallelDigester, result: Verification
) -> Iterator[tuple[Sequence, Digests]]:
    """Yield each sequence with the digests of its stored residues; add differences of the object to the result."""
    place = storage(blob.storage)
    try:
        size = place.stat(blob.key).size
    except ObjectMissing:
        lost = sum(1 for _ in sequences)
        result.differences.append(
            Difference(str(blob), f"the object is missing, and {lost:,} sequence{'s' * (lost != 1)} with it")
        )
        return
    if size != blob.size:
        result.differences.append(
            Difference(str(blob), f"the object has {size:,} bytes instead of {blob.size:,}")
        )
    for together in _read_together(sequences):
        begin, end = _offset(together[0]), max(_offset(sequence) + sequence.length for sequence in together)
        if end > size:
            for sequence in together:
                result.differences.append(Difference(str(sequence), f"its object {blob} ends too early"))
            continue
        if len(together) == 1 and end - begin > PIECE:
            yield together[0], _digest_long(place, blob.key, begin, end, digester)
        else:
            residues = place.read_range(blob.key, begin, end - begin)
            for sequence in together:
                at = _offset(sequence) - begin
                yield sequence, sequence_digests(residues[at : at + sequence.length])


def _digest_long(place: Storage, key: str, begin: int, end: int, digester: ParallelDigester) -> Digests:
    try:
        for piece in place.stream(key, begin, end - begin):
            digester.update(piece)
    except ShortRead:
        # The object changed while it was read; the digests of the bytes read differ from the row anyway.
        pass
    return digester.digests()


def _read_together(sequences: Iterator[Sequence]) -> Iterator[list[Sequence]]:
    """Yield lists of sequences that fit one read of `PIECE` bytes; long ones alone."""
    together: list[Sequence] = []
    for sequence in sequences:
        if together and _offset(sequence) + sequence.length - _offset(together[0]) > PIECE:
            yield together
            together = []
        together.append(sequence)
    if together:
        yield together


def _offset(sequence: Sequence) -> int:
    assert sequence.offset is not None
    return sequence.offset


def _compare(sequence: Sequence, digests: Digests, result: Verification) -> None:
    result.sequences += 1
    result.residues += sequence.length
    wrong = []
    if digests.md5 != bytes(sequence.md5):
        wrong.append(f"md5 {digests.md5_hex} instead of {bytes(sequence.md5).hex()}")
    if sequence.sha512t24u is None or digests.sha512t24u != bytes(sequence.sha512t24u):
        wrong.append(f"digest {digests.sq}")
    if wrong:
        result.differences.append(Difference(str(sequence), f"what is stored has {', '.join(wrong)}"))
