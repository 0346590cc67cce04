"""Makes BAM, VCF and BCF files of every awkward kind, with their indexes; the same for the same seed."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.made_bgzf import MadeFile, cut_anywhere, recut
from tests.made_once import made_once
from tests.made_reads import giant_reads, index_bam, make_bam
from tests.made_variants import index_bcf, index_vcf, make_bcf, make_vcf, make_vcf_text


def _bam(folder: Path, name: str, *, csi: int | None = None, **options: object) -> MadeFile:
    return index_bam(make_bam(folder / f"{name}.bam", **options), csi=csi)  # type: ignore[arg-type]


def _cut_bam(
    folder: Path, name: str, *, eof: bool = True, csi: int | None = None, **options: object
) -> MadeFile:
    whole = make_bam(folder / f"{name}.whole.bam", **options)  # type: ignore[arg-type]
    return index_bam(recut(whole, folder / f"{name}.bam", seed=7, eof=eof), csi=csi)


def _cut_vcf(
    folder: Path, name: str, *, csi: int | None = None, eof: bool = True, sizes: tuple[int, int]
) -> MadeFile:
    path = folder / f"{name}.vcf.gz"
    path.write_bytes(cut_anywhere(make_vcf_text(), random.Random(3), sizes=sizes, eof=eof, empty=0.02))
    return index_vcf(path, csi=csi)


def _cut_bcf(folder: Path, name: str) -> MadeFile:
    whole = make_bcf(folder / f"{name}.whole.bcf", make_vcf_text(seed=5))
    return index_bcf(recut(whole, folder / f"{name}.bcf", seed=8))


def _undeclared(folder: Path) -> MadeFile:
    """A VCF whose contigs only its index names."""
    lines = make_vcf_text(count=300).splitlines(keepends=True)
    text = b"".join(line for line in lines if not line.startswith(b"##contig"))
    return index_vcf(make_vcf(folder / "undeclared.vcf.gz", text))


def _unended(folder: Path) -> MadeFile:
    """A VCF whose last line has no newline, and whose last block is not the end-of-file marker."""
    text = make_vcf_text(count=300).rstrip(b"\n")
    path = folder / "unended.vcf.gz"
    path.write_bytes(cut_anywhere(text, random.Random(4), sizes=(200, 9000), eof=False))
    return index_vcf(path)


_MAKERS: dict[str, Callable[[Path], MadeFile]] = {
    "bam by htslib": lambda folder: _bam(folder, "plain", unplaced=300),
    "bam with csi": lambda folder: _bam(folder, "csi", csi=14, unplaced=20),
    "bam with fine csi": lambda folder: _bam(folder, "fine", csi=9),
    "bam with coarse csi": lambda folder: _bam(folder, "coarse", csi=17),
    "bam with records cut by blocks": lambda folder: _cut_bam(folder, "cut", unplaced=200),
    "bam cut, csi, no end": lambda folder: _cut_bam(folder, "cutcsi", csi=12, eof=False, unplaced=50),
    "bam with giant reads": lambda folder: _bam(folder, "giant", count=300, extra=giant_reads),
    "bam with giant reads cut": lambda folder: _cut_bam(
        folder, "giantcut", count=300, extra=giant_reads, csi=14
    ),
    "bam of one header": lambda folder: _bam(folder, "header", count=0),
    "bam of one header, no end": lambda folder: _cut_bam(folder, "headernoend", count=0, eof=False),
    "bam all unplaced": lambda folder: _bam(folder, "unplaced", count=0, unplaced=900),
    "bam with long header": lambda folder: _bam(folder, "long", count=200, comments=9000, unplaced=10),
    "bam with long header cut": lambda folder: _cut_bam(
        folder, "longcut", count=200, comments=9000, unplaced=10
    ),
    "bam of many reads": lambda folder: _bam(folder, "deep", count=12_000, unplaced=100),
    "vcf by htslib": lambda folder: index_vcf(make_vcf(folder / "plain.vcf.gz", make_vcf_text())),
    "vcf with csi": lambda folder: index_vcf(make_vcf(folder / "csi.vcf.gz", make_vcf_text()), csi=11),
    "vcf with lines cut by blocks": lambda folder: _cut_vcf(folder, "cut", sizes=(20, 3000)),
    "vcf cut, csi, no end": lambda folder: _cut_vcf(
        folder, "cutcsi", csi=14, eof=False, sizes=(3000, 65_000)
    ),
    "vcf of one header": lambda folder: index_vcf(make_vcf(folder / "header.vcf.gz", make_vcf_text(count=0))),
    "vcf with long lines": lambda folder: index_vcf(
        make_vcf(folder / "wide.vcf.gz", make_vcf_text(count=300, filling=9000, comments=5000))
    ),
    "vcf with undeclared contigs": _undeclared,
    "vcf without last newline": _unended,
    "bcf by htslib": lambda folder: index_bcf(make_bcf(folder / "plain.bcf", make_vcf_text())),
    "bcf with fine csi": lambda folder: index_bcf(make_bcf(folder / "fine.bcf", make_vcf_text()), csi=10),
    "bcf with records cut by blocks": lambda folder: _cut_bcf(folder, "cut"),
    "bcf of one header": lambda folder: index_bcf(make_bcf(folder / "header.bcf", make_vcf_text(count=0))),
}


def _copies(kind: str, make: Callable[[Path], MadeFile]) -> Callable[[Path], MadeFile]:
    def copy(folder: Path) -> MadeFile:
        first = made_once(f"{kind}.file", make)
        copied = [Path(shutil.copy2(path, folder)) for path in sorted(first.iterdir())]
        index = next(path for path in copied if path.suffix in {".bai", ".csi", ".tbi"})
        return MadeFile(index.with_suffix(""), index)

    return copy


#: How to get each kind of file, with its index, in a folder.
KINDS = {kind: _copies(kind, make) for kind, make in _MAKERS.items()}
