"""Verifies that the contig indexes in the catalogue, which requests are answered by, fit a data file."""

from collections.abc import Mapping
from dataclasses import dataclass

from catalogue.formats import FormatError, ReadRange
from catalogue.formats.binning import BinningIndex, ContigIndex
from catalogue.formats.binning_pages import unpack_index
from catalogue.formats.crai import verify_packed
from catalogue.formats.cram import CramFile
from catalogue.formats.headers import FileHeader
from catalogue.formats.intervals import VirtualOffset
from catalogue.ingest.indexes.proof import SAMPLES, prove_binning_index


@dataclass(frozen=True, slots=True)
class StoredIndex:
    """The index of a file as the catalogue has it: packed contig indexes by the contig's number in the file.

    `unplaced_begin` is the virtual offset of the records on no contig, None if there are none; `unplaced` their number,
    None if it is not known. `counts` are the records of each contig, where they are known.
    """

    kind: str
    packed: Mapping[int, bytes]
    counts: Mapping[int, int]
    unplaced_begin: int | None
    unplaced: int | None

    def contigs(self) -> dict[int, ContigIndex]:
        """Return the contig indexes of a file in BGZF, of the contigs with records. Raises `FormatError`."""
        return {number: unpack_index(data) for number, data in sorted(self.packed.items()) if data}


def prove_stored_index(
    index: StoredIndex, *, header: FileHeader, cram: CramFile | None, read_range: ReadRange, size: int
) -> None:
    """Raise `FormatError` unless the index belongs to the file, by samples as when it was ingested.

    `header` has the contigs that only the index names, too.
    """
    if cram is not None:
        unplaced = None if index.unplaced_begin is None else VirtualOffset(index.unplaced_begin).coffset
        verify_packed(index.packed, unplaced, read_range, cram, max_containers=SAMPLES)
        return
    contigs = index.contigs()
    declared = {contig.index for contig in header.contigs}
    if unknown := contigs.keys() - declared:
        raise FormatError(f"it has records on contig {min(unknown)}, which the header does not declare")
    whole = BinningIndex(
        kind=index.kind, contigs=tuple(contigs.values()), names=(), columns=None, unplaced=index.unplaced
    )
    whole.verify_extent(size)
    prove_binning_index(whole, numbers=list(contigs), header=header, read_range=read_range)
