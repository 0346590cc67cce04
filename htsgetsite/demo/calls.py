"""Write the variants of the demonstration people as VCF and BCF with their indexes."""

from collections.abc import Iterator
from pathlib import Path

import pysam
import pysam.bcftools

from htsgetsite.demo.genome import demo_genome, md5_of
from htsgetsite.demo.variation import PEOPLE, Variant, demo_variants


def write_calls(*, vcf: Path, bcf: Path) -> None:
    """Write the same calls in both formats, with TBI and CSI indexes beside them."""
    with pysam.BGZFile(str(vcf), "w", None) as file:
        file.write("".join(f"{line}\n" for line in _lines()).encode())
    pysam.tabix_index(str(vcf), preset="vcf", force=True)
    pysam.bcftools.view("--no-version", "-Ob", "-o", str(bcf), str(vcf), catch_stdout=False)
    pysam.bcftools.index("--force", str(bcf), catch_stdout=False)


def _lines() -> Iterator[str]:
    yield "##fileformat=VCFv4.3"
    yield "##source=simulated"
    for chromosome in demo_genome().chromosomes:
        md5 = md5_of(chromosome.residues)
        yield f"##contig=<ID={chromosome.name},length={len(chromosome.residues)},assembly=demo,md5={md5}>"
    yield '##FILTER=<ID=PASS,Description="All filters passed">'
    yield '##ALT=<ID=DEL,Description="Deletion">'
    yield '##INFO=<ID=SVTYPE,Number=1,Type=String,Description="Type of structural variant">'
    yield '##INFO=<ID=END,Number=1,Type=Integer,Description="End position of the variant">'
    yield '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">'
    yield "\t".join(("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *PEOPLE))
    for number, variant in enumerate(demo_variants(), start=1):
        yield "\t".join(_fields(variant, f"demo{number}"))


def _fields(variant: Variant, name: str) -> Iterator[str]:
    yield from (variant.chromosome, str(variant.start + 1), name)
    if variant.symbolic:
        yield from (variant.reference[0], "<DEL>", "100", "PASS", f"SVTYPE=DEL;END={variant.end}")
    else:
        yield from (variant.reference, variant.alternative, "100", "PASS", ".")
    yield "GT"
    yield from (f"{first:d}|{second:d}" for first, second in variant.carriers)
