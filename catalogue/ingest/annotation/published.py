"""Compares derived sequences with those that the provider publishes as FASTA."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from catalogue.formats.digests import sequence_digests
from catalogue.formats.fasta import FastaReader, LongRecord, Record
from catalogue.formats.gunzip import WatchedInput
from catalogue.ingest.outcomes import Observer
from catalogue.ingest.sources import Source, uncompressed_chunks

# A stop inside a protein is X here, because sequences have letters only; one at its end is left out.
_STOPS: Final = bytes.maketrans(b"*", b"X")


# Ensembl fills up an incomplete first codon of a coding sequence with N.
_FILLED: Final = (b"N", b"NN")
_FILLING: Final = "Ensembl fills its first codon up with N"


class _Published(NamedTuple):
    """One published sequence.

    `shorter` is its md5 without the last residue, where that may have been a stop; `filled` without N at the start.
    """

    md5: bytes
    length: int
    shorter: bytes | None
    filled: bytes | None


@dataclass(slots=True)
class Comparison:
    """How many published sequences there are, are equal to a derived one, differ, or have no counterpart."""

    published: int = 0
    equal: int = 0
    different: int = 0
    expected: int = 0
    missing: int = 0


class PublishedSequences:
    """The published sequences by name; GENCODE's names end at the first `|`."""

    def __init__(self, sources: Iterable[Source], observer: Observer) -> None:
        self.counts = Comparison()
        self._observer = observer
        self._named: dict[str, list[_Published]] = {}
        self._seen: set[str] = set()
        for source in sources:
            for record in _records(source, observer):
                self._named.setdefault(record.header.name.partition("|")[0], []).append(_published(record))
                self.counts.published += 1

    def compare(self, names: Sequence[str], derived: Collection[bytes], *, expected: str) -> bool | None:
        """Return whether what is published under one of the names is among derived sequences (md5).

        Returns None if none of the names is published. Differences are counted and noted; `expected` is why there may
        be one.
        """
        verdict = None
        for name in names:
            for published in self._named.get(name, ()):
                self._seen.add(name)
                if published.md5 in derived or published.shorter in derived:
                    self.counts.equal += 1
                    verdict = verdict is not False
                    continue
                verdict = False
                self._note(name, published, _FILLING if published.filled in derived else expected)
        return verdict

    def _note(self, name: str, published: _Published, expected: str) -> None:
        self.counts.different += not expected
        self.counts.expected += bool(expected)
        why = f" ({expected})" if expected else ""
        self._observer.noted(
            "--check-fasta",
            f"{name}: the published sequence, of {published.length:,} residues and md5 {published.md5.hex()}, is not "
            f"what the genome says{why}",
        )

    def finish(self) -> Comparison:
        """Return the counts, with the published sequences that nothing was derived for."""
        missing = [name for name in self._named if name not in self._seen]
        self.counts.missing = sum(len(self._named[name]) for name in missing)
        for name in missing:
            self._observer.noted(
                "--check-fasta", f"{name}: no transcript or protein of this id in the annotation"
            )
        return self.counts


def _records(source: Source, observer: Observer) -> Iterator[Record]:
    with source.open() as stream:
        watched = WatchedInput(stream)
        chunks = (chunk.translate(_STOPS) for chunk in uncompressed_chunks(watched))
        for found in FastaReader(chunks, source=source.name):
            observer.progressed(source.name, watched.count, source.size)
            if isinstance(found, LongRecord):
                yield Record(found.header, b"".join(found.pieces))
            else:
                yield from found


def _published(record: Record) -> _Published:
    residues = record.residues
    ends = residues.endswith(b"X") and len(residues) > 1
    shorter = sequence_digests(residues[:-1]).md5 if ends else None
    bases = residues.lstrip(b"N")
    is_filled = residues[: len(residues) - len(bases)] in _FILLED
    filled = sequence_digests(bases).md5 if is_filled and bases else None
    return _Published(sequence_digests(residues).md5, len(residues), shorter, filled)
