"""Makes VCF and BCF files by htslib, with their indexes; the same for the same seed."""

import random
from pathlib import Path

import pysam
import pysam.bcftools

from tests.made_bgzf import CONTIGS, MadeFile


def make_vcf_header(contigs: dict[str, int] = CONTIGS, *, samples: int = 2, comments: int = 0) -> str:
    return "\n".join(
        [
            "##fileformat=VCFv4.3",
            '##FILTER=<ID=PASS,Description="All filters passed">',
            '##INFO=<ID=END,Number=1,Type=Integer,Description="End, position">',
            '##INFO=<ID=SVLEN,Number=A,Type=Integer,Description="Length">',
            '##INFO=<ID=NOTE,Number=1,Type=String,Description="Filling">',
            '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
            '##FORMAT=<ID=LEN,Number=1,Type=Integer,Description="Length of block">',
            *(f"##contig=<ID={name},length={length},md5={length:032x}>" for name, length in contigs.items()),
            *(f"##comment{number}={random.Random(number).random()}" for number in range(comments)),
            "\t".join(
                ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
                + [f"s{number}" for number in range(samples)]
            ),
            "",
        ]
    )


def make_vcf_line(rng: random.Random, contig: str, position: int, number: int, *, filling: int = 60) -> str:
    """A record at 1-based `position`: plain, long REF, symbolic with END or SVLEN or both, block with LEN."""
    reference, alternative, keys, format_keys, sample = "A", "C", "", "GT", "0/1"
    match rng.randrange(9):
        case 0:
            reference = "".join(rng.choices("ACGT", k=rng.randint(2, 300)))
        case 1:
            alternative, keys = "<DEL>", f"END={position + rng.randint(0, 9000)};"
        case 2:
            alternative, keys = "<DEL:ME>,G", f"SVLEN=-{rng.randint(1, 20_000)},700;"
        case 3:
            alternative, keys = "T,<DUP>", f"SVLEN=9000,{rng.randint(1, 5000)};"
        case 4:
            alternative, keys = "<INS>", f"SVLEN={rng.randint(1, 5000)};"
        case 5:
            alternative, keys = "<*>", ""
            format_keys, sample = "GT:LEN", f"0/0:{rng.randint(1, 800)}"
        case 6:
            alternative, keys = ".", f"END={max(1, position - 3)};"
        case _:
            pass
    noise = "".join(
        rng.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", k=rng.randrange(filling))
    )
    fields = [contig, position, f"v{number}", reference, alternative, 50, "PASS", f"{keys}NOTE=x{noise}"]
    return "\t".join(map(str, [*fields, format_keys, sample, sample])) + "\n"


def make_vcf_text(
    *,
    seed: int = 1,
    count: int = 1500,
    contigs: dict[str, int] = CONTIGS,
    comments: int = 0,
    filling: int = 60,
) -> bytes:
    rng = random.Random(seed)
    lines = []
    for name, length in contigs.items():
        if name != "empty":
            near = min(length, 100_000)
            places = [
                rng.randint(1, near if rng.random() < 0.8 else length)
                for _ in range(count if name == "one" else count // 4)
            ]
            lines += [(name, place) for place in sorted(places)]
    return (
        make_vcf_header(contigs, comments=comments)
        + "".join(make_vcf_line(rng, *place, number, filling=filling) for number, place in enumerate(lines))
    ).encode()


def make_structural_variants(length: int) -> bytes:
    """A few thousand insertions, deletions and duplications, far apart and of every size."""
    rng = random.Random(12)
    contigs = {"one": length, "two": length // 4}
    places = [
        (name, place)
        for name, size in contigs.items()
        for place in sorted(rng.randrange(1, size) for _ in range(size // 25_000))
    ]
    lines = []
    for number, (name, place) in enumerate(places):
        kind = rng.choice(("INS", "DEL", "DUP"))
        reach = 0 if kind == "INS" else int(10 ** rng.uniform(1.7, 6))
        info = f"END={place + reach};NOTE={'x' * rng.randrange(100, 600)}"
        lines.append(f"{name}\t{place}\tv{number}\tN\t<{kind}>\t50\tPASS\t{info}\tGT\t0/1\t0/1\n")
    return (make_vcf_header(contigs) + "".join(lines)).encode()


def make_vcf(path: Path, text: bytes) -> Path:
    with pysam.BGZFile(str(path), "w", None) as file:
        file.write(text)
    return path


def index_vcf(path: Path, *, csi: int | None = None) -> MadeFile:
    """The file with a TBI beside it, or a CSI of `csi` as min_shift."""
    pysam.tabix_index(str(path), preset="vcf", force=True, csi=csi is not None, min_shift=csi or 0)
    return MadeFile(path, Path(f"{path}{'.tbi' if csi is None else '.csi'}"))


def make_bcf(path: Path, text: bytes) -> Path:
    source = path.with_suffix(".source.vcf")
    source.write_bytes(text)
    with (
        pysam.VariantFile(str(source)) as records,
        pysam.VariantFile(str(path), "wb", header=records.header) as file,
    ):
        for record in records:
            file.write(record)
    source.unlink()
    return path


def index_bcf(path: Path, *, csi: int = 14) -> MadeFile:
    pysam.bcftools.index("-f", "-c", "-m", str(csi), str(path), catch_stdout=False)
    return MadeFile(path, Path(f"{path}.csi"))
