"""The reads and variants that outside clients of htsget are tried on, and what htslib reads from the stored files."""

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pysam
import pysam.bcftools

from tests.live import Site
from tests.paths import SHARED_DATA

SHARED = SHARED_DATA
#: Id, kind and file of those of the official suite.
HTSGET_SHARED = (
    ("htsnexus_test_NA12878", "reads", "reads/htsnexus_test_NA12878.bam"),
    ("htsnexus_test_NA12878", "reads", "reads/htsnexus_test_NA12878.cram"),
    ("spec-v4.3", "variants", "variants/spec-v4.3.vcf.gz"),
    ("spec-v4.3", "variants", "variants/spec-v4.3.bcf"),
)
HAVE_SHARED = SHARED.is_dir()

_RANDOM = random.Random(7)
CONTIGS = {
    name: "".join(_RANDOM.choices("ACGT", k=length)) for name, length in {"1": 60_000, "2": 20_000}.items()
}
MD5 = {name: hashlib.md5(residues.encode()).hexdigest() for name, residues in CONTIGS.items()}


def make_htsget_files(folder: Path) -> Path:
    """Makes reference.fa, made.bam, made.cram, made.vcf.gz and made.bcf; the reads are some 1.5 MB of BAM."""
    reference = folder / "reference.fa"
    reference.write_text("".join(f">{name}\n{residues}\n" for name, residues in CONTIGS.items()))
    pysam.faidx(str(reference))
    header = pysam.AlignmentHeader.from_dict(
        {
            "HD": {"VN": "1.6", "SO": "coordinate"},
            "SQ": [{"SN": name, "LN": len(CONTIGS[name]), "M5": MD5[name]} for name in CONTIGS],
            "RG": [{"ID": "a", "SM": "anna"}],
        }
    )
    reads = list(_reads(header))
    for name, mode, options in (("made.bam", "wb", []), ("made.cram", "wc", ["seqs_per_slice=500"])):
        with pysam.AlignmentFile(
            str(folder / name), mode, header=header, reference_filename=str(reference), format_options=options
        ) as file:
            for read in reads:
                file.write(read)
        pysam.index(str(folder / name))
    _make_variants(folder / "made.vcf.gz")
    pysam.bcftools.view(
        "-Ob", "-o", str(folder / "made.bcf"), str(folder / "made.vcf.gz"), catch_stdout=False
    )
    pysam.bcftools.index(str(folder / "made.bcf"))
    return folder


def ingest_htsget_files(site: Site, folder: Path) -> None:
    """Registers what `make_htsget_files` made, and HTSGET_SHARED where it is there."""
    names = folder / "names.tsv"
    names.write_text("".join(f"{MD5[name]}\tucsc\tchr{name}\n" for name in CONTIGS))
    options = ("--dataset", "open", "--public", "--collection", "made", "--copy")
    shared = [(kind, SHARED / name) for _, kind, name in HTSGET_SHARED if HAVE_SHARED]
    commands: list[list[str | Path]] = [
        ["ingest_fasta", folder / "reference.fa", "--authority", "local", "--collection", "made"],
        ["ingest_aliases", names],
    ]
    for command, kind, made in (
        ("ingest_bam", "reads", ("made.bam", "made.cram")),
        ("ingest_vcf", "variants", ("made.vcf.gz", "made.bcf")),
    ):
        files = [*(folder / name for name in made), *(path for other, path in shared if other == kind)]
        commands += [
            [command, *files, *options],
            # One format alone: what is asked of it in the other is converted.
            [command, folder / made[1], *options, "--id", "one/format"],
        ]
    site.prepare(*commands)


def _reads(header: pysam.AlignmentHeader) -> Iterator[pysam.AlignedSegment]:
    rng = random.Random(8)
    for number, residues in enumerate(CONTIGS.values()):
        for start in sorted(rng.randrange(len(residues) - 100) for _ in range(len(residues) // 8)):
            read = pysam.AlignedSegment(header)
            read.query_name = f"r{number}.{rng.randrange(10**9)}"
            read.reference_id, read.reference_start, read.mapping_quality = number, start, rng.randint(0, 60)
            read.query_sequence, read.cigarstring = residues[start : start + 100], "100M"
            read.query_qualities = pysam.qualitystring_to_array(
                "".join(chr(33 + rng.randrange(60)) for _ in range(100))
            )
            read.set_tag("RG", "a")
            yield read
    for number in range(50):
        read = pysam.AlignedSegment(header)
        read.query_name, read.flag, read.query_sequence = f"unplaced{number}", 4, "ACGTACGT"
        yield read


def _make_variants(path: Path) -> None:
    rng = random.Random(9)
    header = pysam.VariantHeader()
    for name, residues in CONTIGS.items():
        header.contigs.add(name, length=len(residues))
    header.formats.add("GT", 1, "String", "Genotype")
    header.info.add("NOTE", 1, "String", "Some text")
    for sample in ("anna", "boris"):
        header.add_sample(sample)
    with pysam.VariantFile(str(path), "wz", header=header) as file:
        for name, residues in CONTIGS.items():
            for start in sorted(rng.sample(range(len(residues)), len(residues) // 40)):
                base = residues[start]
                record = file.new_record(
                    contig=name,
                    start=start,
                    stop=start + 1,
                    alleles=(base, rng.choice("ACGT".replace(base, ""))),
                )
                record.info["NOTE"] = f"{rng.randrange(16**30):030x}"
                record.samples["anna"]["GT"] = (0, rng.randint(0, 1))
                file.write(record)
    pysam.tabix_index(str(path), preset="vcf", force=True)


def local_reads(path: Path, region: tuple[str, int, int] | None = None) -> list[str]:
    """SAM lines of a local file: those that overlap a region (0-based, half-open), or all."""
    with pysam.AlignmentFile(str(path), reference_filename=str(path.parent / "reference.fa")) as file:
        found = file.fetch(*region) if region else file.fetch(until_eof=True)
        return [read.to_string() for read in found]


def local_variants(path: Path, region: tuple[str, int, int] | None = None) -> list[str]:
    """VCF lines of a local file, likewise."""
    with pysam.VariantFile(str(path)) as file:
        return [str(record) for record in (file.fetch(*region) if region else file)]
