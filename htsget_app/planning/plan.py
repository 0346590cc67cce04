"""Plans the parts of an answer, by the planner for the family of the file's format."""

from collections.abc import Callable, Mapping
from typing import Final

from catalogue.formats import ReadRange
from catalogue.formats.registry import SPECS
from catalogue.formats.spec import Structure
from htsget_app.planning.bgzf import plan_bgzf
from htsget_app.planning.cram import plan_cram
from htsget_app.planning.parts import Limits, Part, PlannedFile, Selection

DEFAULT_LIMITS: Final = Limits()

_PLANNERS: Mapping[Structure, Callable[[PlannedFile, Selection, ReadRange, Limits], list[Part]]] = {
    Structure.BGZF: plan_bgzf,
    Structure.CRAM: plan_cram,
}


def plan(
    file: PlannedFile, selection: Selection, *, read_range: ReadRange, limits: Limits = DEFAULT_LIMITS
) -> list[Part]:
    """Return the parts whose bytes concatenate to a valid file: header, wanted records, EOF marker.

    Every wanted record is there once and in file order. BAM, VCF and BCF answers hold no other record where all records
    travel inline; otherwise others may lie between the first wanted record of a range and its last. CRAM answers hold
    whole containers. With `selection.within` no other record is there in any case.

    Raises `FormatError` where the stored file is damaged or not what the catalogue knows of it, and `NotSeparable`
    where `selection.within` is given and a wanted CRAM container holds other reads.
    """
    return _PLANNERS[SPECS[file.stored.format].structure](file, selection, read_range, limits)
