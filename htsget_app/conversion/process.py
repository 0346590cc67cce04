"""The program that converts records in separate processes, because htslib may crash, loop or use much memory.

Run as `python -m htsget_app.conversion.process SOCKET`. Each message on the socket is a `Job` in JSON with
three file descriptors: input, output and status. A child is forked for it, in which `samtools view` or `bcftools view`,
as pysam carries them, reads the input and writes the output. The status gets one byte when all of it went well, else
what was wrong. Ends when the other end of the socket is closed, and every child with it.
"""

import ctypes
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Final

from catalogue.formats import FormatError
from catalogue.formats.bam_fields import blank_fields
from catalogue.formats.bgzf import MAX_COMPRESSED, inflate

#: The longest message: options, and regions as BED.
MAX_MESSAGE: Final = 1 << 16
#: The status of success.
DONE: Final = b"\0"

_PR_SET_PDEATHSIG: Final = 1
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One conversion.

    `program` is `samtools` or `bcftools`. Each of `stages` are arguments of its `view`, the second reading what the
    first writes, after `fields` were blanked: with None there is one stage. `bed` (SAM 0-based, half-open) are the
    regions that records must overlap, for `{bed}` in the arguments. `references` is a folder in the layout of htslib's
    REF_CACHE. `seconds`, `memory` and `output` (bytes) bound each process.
    """

    program: str
    stages: tuple[tuple[str, ...], ...]
    fields: tuple[str, ...] | None = None
    bed: str = ""
    references: str = ""
    seconds: int
    memory: int
    output: int

    def encoded(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decoded(cls, message: bytes) -> "Job":
        return cls(**json.loads(message))


def serve(connection: socket.socket) -> None:
    """Fork a child for each message, until the other end of the socket is closed."""
    # Imported once, here, for all children: it takes longer than a small conversion.
    import pysam.bcftools
    import pysam.samtools  # noqa: F401

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    parent = os.getpid()
    while True:
        message, descriptors, _, _ = socket.recv_fds(connection, MAX_MESSAGE, 3)
        if not message:
            return
        if os.fork() == 0:
            _end_with(parent)
            connection.close()
            os._exit(_run(Job.decoded(message), *descriptors))
        for descriptor in descriptors:
            os.close(descriptor)


def _run(job: Job, source: int, target: int, status: int) -> int:
    """Convert in this process and those that it forks; return its exit status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    said = os.memfd_create("stderr")
    os.dup2(said, 2)
    try:
        succeeded = _pipeline(job, source, target)
    except Exception as error:  # noqa: BLE001 - the status tells whatever it was
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        succeeded = False
    os.write(status, DONE if succeeded else os.pread(said, 500, 0) or b"no reason given")
    return 0 if succeeded else 1


def _pipeline(job: Job, source: int, target: int) -> bool:
    """Run the stages as a pipeline of processes; return whether all succeeded."""
    bed = os.memfd_create("bed.bed")
    os.write(bed, job.bed.encode())
    arguments = [[word.format(bed=f"/proc/self/fd/{bed}") for word in stage] for stage in job.stages]
    # htslib maps the files of REF_PATH into memory, whereas it would load those of REF_CACHE whole.
    os.environ["REF_PATH"] = f"{job.references.replace(':', '::')}/%2s/%2s/%s"
    works: list[Callable[[int, int], None]] = [_view(job.program, words) for words in arguments]
    if job.fields is not None:
        works.insert(1, _blanking(job.fields))
    children, parent = [], os.getpid()
    for work in works[:-1]:
        following, output = os.pipe()
        if (child := os.fork()) == 0:
            _end_with(parent)
            os.close(following)
            _confine(job)
            work(source, output)
            os._exit(0)
        children.append(child)
        os.close(source)
        os.close(output)
        source = following
    _confine(job)
    works[-1](source, target)
    os.close(0)
    return all(os.waitpid(child, 0)[1] == 0 for child in children)


def _end_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, or end it if the parent has ended already."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _confine(job: Job) -> None:
    """Limit the resources of the process."""
    signal.alarm(job.seconds)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (job.memory, job.memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (job.output, job.output))


def _view(program: str, arguments: list[str]) -> Callable[[int, int], None]:
    def work(source: int, target: int) -> None:
        import pysam.bcftools
        import pysam.samtools

        os.dup2(source, 0)
        os.dup2(target, 1)
        view = pysam.samtools.view if program == "samtools" else pysam.bcftools.view
        view(*arguments, catch_stdout=False)

    return work


def _blanking(fields: tuple[str, ...]) -> Callable[[int, int], None]:
    def work(source: int, target: int) -> None:
        with os.fdopen(target, "wb", buffering=_PIECE) as output:
            uncompressed = _uncompressed(source)
            header, first = _header(uncompressed)
            output.write(header)
            for piece in blank_fields(chain((first,), uncompressed), fields):
                output.write(piece)

    return work


def _uncompressed(source: int) -> Iterator[bytes]:
    """Yield what the BGZF blocks of a pipe hold, about `_PIECE` bytes at a time."""
    rest = b""
    while more := _read(source, _PIECE):
        data, at, held = rest + more, 0, []
        while len(data) - at >= MAX_COMPRESSED or (len(more) < _PIECE and at < len(data)):
            block = inflate(data, at)
            held.append(block.data)
            at = block.end
        rest = data[at:]
        yield b"".join(held)


def _read(source: int, size: int) -> bytes:
    """Read `size` bytes of a pipe; fewer only at its end."""
    pieces, missing = [], size
    while missing and (piece := os.read(source, missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def _header(uncompressed: Iterator[bytes]) -> tuple[bytes, bytes]:
    """Return the header of a BAM stream (SAMv1 §4.2), and the record bytes read with it."""
    data = b""
    for piece in uncompressed:
        data += piece
        if (end := _header_end(data)) is not None:
            return data[:end], data[end:]
    raise FormatError("the header of the BAM stream is cut short")


def _header_end(data: bytes) -> int | None:
    def number(at: int) -> int | None:
        return int.from_bytes(data[at : at + 4], "little") if at + 4 <= len(data) else None

    text = number(4)
    at = 8 + (text or 0)
    contigs = number(at)
    if text is None or contigs is None:
        return None
    at += 4
    for _ in range(contigs):
        name = number(at)
        if name is None:
            return None
        at += 8 + name
    return at if at <= len(data) else None


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
