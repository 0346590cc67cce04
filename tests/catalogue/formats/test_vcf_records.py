"""Records of VCF text found by numpy, against reading one line after another."""

import random
from collections.abc import Mapping

import pytest

from catalogue.formats import FormatError
from catalogue.formats.records import OTHER_CONTIG, Records
from catalogue.formats.vcf import walk_vcf

INFO = (
    "END=50", "END=", "END=.", "END=7x", "CIEND=99", "XEND=8", "END=123456789012345678901", "SVLEN=-70", "SVLEN=5,6",
    "XSVLEN=9", "A=1", "LEN=4", "END=12;END=99", "END=.;END=31", ".", "",
)  # fmt: skip
ALLELES = ("C", "<DEL>", "<INV>,C", "<*>", "<NON_REF>,G", "<DUP:X>,<CNV>", "<INS>", "")
ODD = (
    "", "#comment", "#x\ty", "\r", "a\tb", "one\t\t.\tA\tC\t.\t.\t.", "one\t5x\t.\tA\tC\t.\t.\t.",
    "one\t-5\t.\tA\tC\t.\t.\t.", "one\t5\t.\tA\tC\t.\t.", "one\t1234567890123456789\t.\tA\tC\t.\t.\t.",
)  # fmt: skip
NUMBERS: tuple[dict[bytes, int], ...] = (
    {b"one": 3, b"three": 4},
    {b"one": 1} | {b"x%d" % number: number for number in range(20)},
    {},
)


def random_line(rng: random.Random, odd: tuple[str, ...]) -> str:
    if rng.random() < 0.05:
        return rng.choice(odd)
    info = ";".join(rng.choices(INFO, k=rng.randint(1, 4)))
    fields = [
        rng.choice(["one", "two", "three", "on", "onee"]),
        str(rng.choice([0, 1, 10, 999, 10**17, 10**18 - 1])),
        rng.choice([".", "END=5"]),
        rng.choice(["A", "ACG", "A" * 30, ""]),
        rng.choice(ALLELES),
        *("5", rng.choice(["PASS", "END=77"]), info),
    ]
    if rng.random() < 0.6:
        fields.append(rng.choice(["GT:LEN", "LEN", "GT", "LEN:GT", "XLEN"]))
        fields += rng.choices(["0/0:40", "50", ".:END=9", "40:0/0", "<x>", ""], k=rng.randint(0, 3))
    return "\t".join(fields) + rng.choice(["", "", "\r"])


def read_lines(data: bytes, last: bool, numbers: Mapping[bytes, int]) -> tuple[list[tuple[int, ...]], int]:
    """Begin, end, contig, start and stop of each record, and where the lines end; ValueError for a wrong line."""
    found: list[tuple[int, ...]] = []
    at = 0
    *lines, rest = (line + b"\n" for line in data.split(b"\n"))
    for line in [*lines, *([rest[:-1]] if last and rest != b"\n" else [])]:
        text = line.removesuffix(b"\n")
        if text and not text.startswith(b"#"):
            fields = text.split(b"\t")
            if len(fields) < 8 or not fields[1].isdigit() or len(fields[1]) > 18:
                raise ValueError(at)
            start = max(0, int(fields[1]) - 1)
            found.append(
                (at, at + len(line), numbers.get(fields[0], OTHER_CONTIG), start, start + extent(fields))
            )
        at += len(line)
    return found, at


def extent(fields: list[bytes]) -> int:
    """The number of positions that a record covers: of REF, END, SVLEN and LEN the most."""
    alleles = fields[4].split(b",")
    extents = [len(fields[3])]
    ends = [digits(item[4:])[:18] for item in fields[7].split(b";") if item.startswith(b"END=")]
    if any(ends):
        extents.append(int(next(filter(None, ends))) - max(0, int(fields[1]) - 1))
    lengths = [item[6:] for item in fields[7].split(b";") if item.startswith(b"SVLEN=")][:1]
    for allele, length in zip(alleles, lengths[0].rstrip(b"\r").split(b",") if lengths else [], strict=False):
        if allele.strip(b"<>").split(b":")[0] in {b"DEL", b"INV", b"DUP", b"CNV"} and allele[:1] == b"<":
            extents.append(int(digits(length.lstrip(b"+-")) or 0))
    if {b"<*>", b"<NON_REF>"} & set(alleles) and len(fields) > 8:
        keys = fields[8].rstrip(b"\r").split(b":")
        samples = [sample.split(b":") for sample in fields[9:]] if b"LEN" in keys else []
        values = [sample[keys.index(b"LEN")] for sample in samples if len(sample) > keys.index(b"LEN")]
        extents += [int(digits(value) or 0) for value in values]
    return max(extents)


def digits(text: bytes) -> bytes:
    return text[: len(text) - len(text.lstrip(b"0123456789"))]


def as_rows(records: Records) -> list[tuple[int, ...]]:
    columns = (records.begins, records.ends, records.contigs, records.starts, records.stops)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize("seed", range(6))
def test_records_are_those_of_one_line_after_another(seed: int) -> None:
    rng = random.Random(seed)
    refused = found = 0
    for _ in range(1000):
        odd = ODD if rng.random() < 0.3 else ODD[:3]
        lines = [random_line(rng, odd) for _ in range(rng.randint(0, 12))]
        data = ("\n".join(lines) + rng.choice(["", "\n", "\n\n"])).encode()
        data = data[: rng.randint(0, len(data))] if rng.random() < 0.3 else data
        last, numbers = rng.random() < 0.5, rng.choice(NUMBERS)
        try:
            expected = read_lines(data, last, numbers)
        except ValueError as error:
            refused += 1
            with pytest.raises(FormatError) as told:
                walk_vcf(data, last, numbers=numbers)
            assert told.value.offset == error.args[0]
            continue
        records = walk_vcf(data, last, numbers=numbers)
        assert (as_rows(records), records.walked) == expected, data
        found += len(expected[0])
    assert refused > 50 and found > 1000
