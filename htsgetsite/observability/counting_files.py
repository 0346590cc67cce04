"""The files in which a process counts, with disk reserved for them.

prometheus_client maps sparse files into memory. Where the disk is full, the first write to a new page of such a file
ends the process (SIGBUS): a full disk of temporary files would end one worker after the other.
"""

import errno
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict

log = logging.getLogger(__name__)

#: Bytes that are reserved for each file; all metrics of the site with all their labels need less.
SIZE: Final = 1 << 19
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}


class ReservedFile(MmapedDict):
    """A file of counts. On a full disk it is memory of this process instead, and its counts are not shown."""

    def __init__(self, filename: str, read_mode: bool = False) -> None:
        path = filename if read_mode else _reserved(Path(filename))
        super().__init__(path, read_mode)  # type: ignore[no-untyped-call]


def reserve_files() -> None:
    """Let every metric of this process count into a `ReservedFile`."""
    values.MmapedDict = ReservedFile  # type: ignore[attr-defined]


def _reserved(path: Path) -> str:
    """Make a file of zeros where there is none; return the path to count into."""
    # Renamed into place, because whoever reads the metrics cannot read an empty file.
    draft = path.with_suffix(".new")
    try:
        if not path.exists():
            with draft.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, SIZE)
            draft.rename(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        if error.errno in _FULL:
            log.error("The disk of temporary files is full: what this process counts is not in the metrics")
            # The file that is opened by this name keeps it; the descriptor itself stays open with the process.
            return f"/proc/self/fd/{os.memfd_create(path.stem)}"
    return str(path)
