"""Builds the index that a data file lacks, with htslib, in a worker process (`catalogue.ingest.files.pool`).

htslib reports errors on the process's standard error, which is captured during the call.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pysam
import pysam.bcftools

from catalogue.formats import FormatError
from catalogue.formats.spec import FileKind, FormatSpec

_UNSORTED = re.compile(rb"unsorted|not sorted|not continuous|out of order", re.IGNORECASE)
#: htslib's `HTS_LOG_ERROR`.
_REPORT_ERRORS = 1
_NOT_SORTED = "its records are not in coordinate order, so that it cannot be indexed"


def build_index(path: Path, spec: FormatSpec, target: Path) -> None:
    """Write the index of the file `path`, of the kind `spec.built_index_suffix`, to `target`.

    Raises `FormatError` if the file is not in coordinate order or htslib cannot read it. Not thread-safe.
    """
    options = [*spec.built_index_options, "-o", str(target), str(path)]
    with _caught_stderr() as caught:
        try:
            if spec.kind is FileKind.READS:
                pysam.index(*options)
            else:
                pysam.bcftools.index("-f", *options)
            failed = not target.exists()
        except (pysam.utils.SamtoolsError, OSError, ValueError):
            failed = True
        caught.seek(0)
        said = caught.read()
    if failed:
        raise FormatError(_NOT_SORTED if _UNSORTED.search(said) else f"it cannot be indexed: {_reason(said)}")


def _reason(said: bytes) -> str:
    """Return the first error that htslib reported, or else its first line."""
    lines = said.decode("utf-8", "replace").strip().splitlines()
    errors = [line for line in lines if line.startswith("[E::")]
    return (errors or lines or ["htslib cannot read it"])[0].rpartition("] ")[2]


@contextmanager
def _caught_stderr() -> Iterator[IO[bytes]]:
    """Capture htslib's messages, even if the process has silenced them."""
    with tempfile.TemporaryFile() as caught:
        kept, verbosity = os.dup(2), pysam.set_verbosity(_REPORT_ERRORS)
        os.dup2(caught.fileno(), 2)
        try:
            yield caught
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            pysam.set_verbosity(verbosity)
