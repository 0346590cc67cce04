"""Builds the index that a data file lacks, with htslib; runs in a process of its own kind (see `files_pool`).

htslib tells what is wrong on the process's standard error, so that this is caught for the time of the call.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pysam
import pysam.bcftools

from catalogue.formats import FormatError
from catalogue.formats.headers import FileFormat

#: What the index of a format is called here. CSI knows no limit of contig length, unlike BAI and TBI.
BUILT_SUFFIX: Mapping[FileFormat, str] = {
    FileFormat.BAM: ".csi",
    FileFormat.CRAM: ".crai",
    FileFormat.VCF: ".csi",
    FileFormat.BCF: ".csi",
}

_UNSORTED = re.compile(rb"unsorted|not sorted|not continuous|out of order", re.IGNORECASE)
_NOT_SORTED = "its records are not in coordinate order, so that it cannot be indexed"


def build_index(path: Path, format: FileFormat, target: Path) -> None:
    """Writes the index of the file `path` to `target`.

    Raises `FormatError` when the file is not in coordinate order or htslib cannot read it. Not for use by several
    threads of one process.
    """
    with _caught_stderr() as caught:
        try:
            _BUILDERS[format](str(path), str(target))
            failed = not target.exists()
        except (pysam.utils.SamtoolsError, OSError, ValueError):
            failed = True
        caught.seek(0)
        said = caught.read()
    if failed:
        raise FormatError(_NOT_SORTED if _UNSORTED.search(said) else f"it cannot be indexed: {_reason(said)}")


def _reason(said: bytes) -> str:
    """The first error that htslib told, or else the first line."""
    lines = said.decode("utf-8", "replace").strip().splitlines()
    errors = [line for line in lines if line.startswith("[E::")]
    return (errors or lines or ["htslib cannot read it"])[0].rpartition("] ")[2]


def _build_bam(path: str, target: str) -> None:
    pysam.index("-c", "-o", target, path)


def _build_cram(path: str, target: str) -> None:
    pysam.index("-o", target, path)


def _build_variants(path: str, target: str) -> None:
    pysam.bcftools.index("-c", "-f", "-o", target, path)


_BUILDERS: Mapping[FileFormat, Callable[[str, str], None]] = {
    FileFormat.BAM: _build_bam,
    FileFormat.CRAM: _build_cram,
    FileFormat.VCF: _build_variants,
    FileFormat.BCF: _build_variants,
}


@contextmanager
def _caught_stderr() -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as caught:
        kept = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            yield caught
        finally:
            os.dup2(kept, 2)
            os.close(kept)
