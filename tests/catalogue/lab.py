"""A folder of data files that is a storage of the site, one that is not, and the commands that ingest from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pysam
import pysam.bcftools
from django.core.management import CommandError, call_command

from catalogue.models import Contig, DataFile

#: Contig names and lengths of small files, unless told otherwise.
CONTIGS = {"one": 50_000, "two": 20_000, "none": 5_000}


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended: its status, its last line, and what it told of single files."""

    status: int
    summary: str
    told: str


@dataclass(frozen=True, slots=True)
class Lab:
    """`stored` is the storage named lab, `outside` is none, `files` is the storage of what the site keeps itself."""

    stored: Path
    outside: Path
    files: Path

    def bam(self, *arguments: str | Path, dataset: str = "trial") -> Said:
        return self._run("ingest_bam", *arguments, "--dataset", dataset)

    def vcf(self, *arguments: str | Path, dataset: str = "trial") -> Said:
        return self._run("ingest_vcf", *arguments, "--dataset", dataset)

    def manifest(self, text: str, *options: str, name: str = "m.csv") -> Said:
        """Ingest a manifest that lies in the storage."""
        (self.stored / name).write_text(text, encoding="utf-8")
        return self._run("ingest_manifest", self.stored / name, *options)

    def export(self, *options: str) -> str:
        """Return the manifest of what is registered."""
        out = StringIO()
        call_command("export_manifest", *options, stdout=out)
        return out.getvalue()

    def kept(self) -> list[str]:
        """The keys of all that the site keeps itself."""
        return sorted(
            path.relative_to(self.files).as_posix()
            for path in self.files.rglob("*")
            if path.is_file() and ".staging" not in path.parts
        )

    def staged(self) -> list[Path]:
        """What is left of files on their way into the storage."""
        return list(self.files.rglob(".staging/ingest-*"))

    def _run(self, *arguments: str | Path) -> Said:
        out, err = StringIO(), StringIO()
        try:
            call_command(*map(str, arguments), stdout=out, stderr=err)
        except CommandError as error:
            return Said(error.returncode, str(error), err.getvalue())
        return Said(0, out.getvalue().strip(), err.getvalue())


def make_lab(settings: Any, tmp_path: Path) -> Lab:
    """The folders, made and told to the site."""
    lab = Lab(tmp_path / "stored", tmp_path / "outside", tmp_path / "files")
    for folder in (lab.stored, lab.outside, lab.files):
        folder.mkdir()
    settings.HTSGETSITE_STORAGES = {
        **settings.HTSGETSITE_STORAGES,
        "lab": lab.stored.as_uri(),
        "files": lab.files.as_uri(),
    }
    return lab


def make_sam_header(contigs: dict[str, int] = CONTIGS, *, tags: str = "", order: str = "coordinate") -> str:
    """A header's text, every `@SQ` with the same further `tags` (each led by a tab)."""
    lines = [f"@SQ\tSN:{name}\tLN:{length}{tags}" for name, length in contigs.items()]
    return "\n".join([f"@HD\tVN:1.6\tSO:{order}", *lines, "@RG\tID:1\tSM:anna", "@RG\tID:2\tSM:boris", ""])


def make_reads_file(
    path: Path,
    *,
    header: str | None = None,
    places: Sequence[tuple[str, int]] = (("one", 10), ("one", 2000), ("two", 5), ("*", -1)),
    mode: str = "wb",
    index: str | None = "bai",
    options: Sequence[str] = (),
) -> Path:
    """Reads of 20 bases at these places (0-based; `*` is none), with an index: bai, csi or crai."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parsed = pysam.AlignmentHeader.from_text(header or make_sam_header())
    with pysam.AlignmentFile(str(path), mode, header=parsed, format_options=list(options)) as file:
        for number, (contig, start) in enumerate(places):
            placed = contig != "*"
            line = f"r{number}\t{0 if placed else 4}\t{contig}\t{start + 1}\t30\t{'20M' if placed else '*'}"
            line += f"\t*\t0\t0\t{'ACGTA' * 4}\t{'F' * 20}\tRG:Z:1"
            file.write(pysam.AlignedSegment.fromstring(line, parsed))
    if index is not None:
        pysam.index(*{"bai": ["-b"], "csi": ["-c"], "crai": []}[index], "-o", f"{path}.{index}", str(path))
    return path


def make_cram_file(path: Path, *, slices: int = 2, index: str | None = "crai", **options: Any) -> Path:
    """The same as CRAM that needs no reference, with so many reads a slice."""
    return make_reads_file(
        path, mode="wc", index=index, options=["no_ref=1", f"seqs_per_slice={slices}"], **options
    )


def make_variants_file(
    path: Path,
    *,
    contigs: dict[str, int] = CONTIGS,
    tags: str = "",
    places: Sequence[tuple[str, int]] = (("one", 10), ("one", 2000), ("two", 5)),
    samples: Sequence[str] = ("anna", "boris"),
    declared: bool = True,
    index: str | None = "tbi",
) -> Path:
    """Variants at these places (1-based), as VCF or, when the name ends in .bcf, BCF; index: tbi or csi."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = ["##fileformat=VCFv4.3", '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    if declared:
        header += [f"##contig=<ID={name},length={length}{tags}>" for name, length in contigs.items()]
    header.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + "\t".join(samples))
    lines = [f"{name}\t{place}\t.\tA\tC\t9\tPASS\t.\tGT" + "\t0/1" * len(samples) for name, place in places]
    text = "\n".join([*header, *lines, ""])
    if path.suffix == ".bcf":
        source = path.with_suffix(".vcf")
        source.write_text(text)
        pysam.bcftools.view("-Ob", "-o", str(path), str(source), catch_stdout=False)
        source.unlink()
    else:
        with pysam.BGZFile(str(path), "w", None) as file:
            file.write(text.encode())
    if index is not None:
        options = ["-t"] if index == "tbi" else ["-c"]
        pysam.bcftools.index("-f", *options, "-o", f"{path}.{index}", str(path))
    return path


def registered() -> list[str]:
    """Every file that is registered, as `kind/id format`."""
    return sorted(f"{row.kind}/{row.htsget_id} {row.format}" for row in DataFile.objects.all())


def contigs_of(htsget_id: str, format: str = "BAM") -> list[Contig]:
    """The contigs of a registered file, in its own order."""
    return list(Contig.objects.filter(file__htsget_id=htsget_id, file__format=format).order_by("number"))
