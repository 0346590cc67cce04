"""From a query to the blocks of its answer: the one face of the planners, one for each family of formats."""

from collections.abc import Mapping
from typing import Final, Protocol

from catalogue.formats import ReadRange
from catalogue.formats.headers import FileFormat
from htsget_app.planning.bgzf import plan_bgzf
from htsget_app.planning.cram import plan_cram
from htsget_app.planning.parts import Block, FileLayout, Limits, Selection

DEFAULT_LIMITS: Final = Limits()


class Planner(Protocol):
    """Plans the answers from files of some formats."""

    def __call__(
        self, file: FileLayout, selection: Selection, *, read_range: ReadRange, limits: Limits
    ) -> list[Block]: ...


_PLANNERS: Mapping[FileFormat, Planner] = {
    FileFormat.BAM: plan_bgzf,
    FileFormat.VCF: plan_bgzf,
    FileFormat.BCF: plan_bgzf,
    FileFormat.CRAM: plan_cram,
}


def plan(
    file: FileLayout, selection: Selection, *, read_range: ReadRange, limits: Limits = DEFAULT_LIMITS
) -> list[Block]:
    """The blocks whose bytes, one after the other, are a valid file: header, wanted records, end-of-file
    marker.

    Every wanted record is there once and in file order. Where all records travel inline, BAM, VCF and BCF
    answers hold no other; otherwise others may lie between the first wanted record of a range and its last.
    CRAM answers hold whole containers. `selection.regions` name contigs that `file.contigs` holds, in
    0-based half-open positions.

    With `selection.within` no other records are there in any case, and a CRAM answer raises `NotSeparable`
    where a container holds others.

    Raises `FormatError` where the stored file is damaged, or not what the catalogue knows of it.
    """
    return _PLANNERS[file.format](file, selection, read_range=read_range, limits=limits)
