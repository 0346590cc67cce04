"""Whatever the bytes of a file and its index are, reading them gives a reading or an error that says what is wrong."""

import gzip
import random
from pathlib import Path
from typing import Any

import pytest

from catalogue.errors import CatalogueError
from catalogue.formats import FormatError
from catalogue.formats.spec import FileKind
from catalogue.ingest.files.indexing import ReadJob
from catalogue.ingest.files.reader import FileReading, read_file
from catalogue.storage.object_ref import ObjectRef
from tests.catalogue.lab import make_cram_file, make_lab, make_reads_file, make_variants_file
from tests.made_bgzf import EOF_MARKER, bgzf_block

ROUNDS = 300
PLACES = [("one", position) for position in range(5, 40_000, 700)] + [("two", 9)]
EXTREMES = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\0\0\0\x80")


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The bytes with some replaced, removed, inserted, or made into an extreme number."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(len(changed))
        match rng.randrange(4):
            case 0:
                changed[at] = rng.randrange(256)
            case 1:
                del changed[at : at + rng.randrange(1, 20)]
            case 2:
                changed[at:at] = rng.randbytes(rng.randrange(1, 20))
            case _:
                changed[at : at + 4] = rng.choice(EXTREMES)
    return bytes(changed)


@pytest.mark.parametrize("name", ["a.bam", "a.cram", "a.vcf.gz", "a.bcf"])
def test_no_bytes_bring_the_reader_down(settings: Any, tmp_path: Path, name: str) -> None:
    path = make_lab(settings, tmp_path).stored / name
    if name in ("a.bam", "a.cram"):
        kind = FileKind.READS
        suffix = ".crai" if name == "a.cram" else ".bai"
        make = make_cram_file if name == "a.cram" else make_reads_file
        make(path, places=[*PLACES, ("*", -1)])
    else:
        kind, suffix = FileKind.VARIANTS, ".csi"
        make_variants_file(path, places=PLACES, index="csi")
    index = Path(f"{path}{suffix}")
    whole, whole_index = path.read_bytes(), index.read_bytes()
    job = ReadJob(source=ObjectRef("lab", name), kind=kind)
    assert read_file(job).index is not None

    rng = random.Random(name)
    refused = 0
    for _ in range(ROUNDS):
        data, indexed = whole, whole_index
        match rng.randrange(3):
            case 0:
                data = mutated(data, rng)
            case 1 if name != "a.cram":
                uncompressed = gzip.decompress(data)
                uncompressed = mutated(uncompressed[:1500], rng) + uncompressed[1500:]
                data = (
                    b"".join(
                        bgzf_block(uncompressed[at : at + 3000]) for at in range(0, len(uncompressed), 3000)
                    )
                    + EOF_MARKER
                )
            case _:
                squeezed = indexed.startswith(b"\x1f\x8b")
                inner = mutated(gzip.decompress(indexed) if squeezed else indexed, rng)
                indexed = gzip.compress(inner, mtime=0) if squeezed else inner
        path.write_bytes(data)
        index.write_bytes(indexed)
        try:
            assert isinstance(read_file(job), FileReading)
        except (FormatError, CatalogueError) as error:
            assert str(error)
            refused += 1
    assert refused > ROUNDS / 2
