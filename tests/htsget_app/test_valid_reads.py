"""The checks of reads themselves: each problem is found where it is, and nowhere else."""

import pytest

from tests.htsget_app.valid_reads import CAUSES, pair_problems, record_problems

SINGLE = "r\t0\t1\t10\t60\t8M\t*\t0\t0\tACGTACGT\tFFFFFFFF\tRG:Z:1\tNM:i:1\tMD:Z:3C4"
FIRST = "p\t99\t1\t10\t60\t8M\t=\t30\t28\tACGTACGT\tFFFFFFFF\tRG:Z:1\tNM:i:0\tMD:Z:8\tMC:Z:6M2S"
SECOND = "p\t147\t1\t30\t60\t6M2S\t=\t10\t-28\tACGTACGT\tFFFFFFFF\tRG:Z:1\tNM:i:0\tMD:Z:6\tMC:Z:8M"


def with_columns(line: str, **columns: str) -> str:
    names = ["QNAME", "FLAG", "RNAME", "POS", "MAPQ", "CIGAR", "RNEXT", "PNEXT", "TLEN", "SEQ", "QUAL"]
    values = line.split("\t")
    for name, value in columns.items():
        values[names.index(name)] = value
    return "\t".join(values)


def test_valid_reads_have_no_problem() -> None:
    for line in (SINGLE, FIRST, SECOND):
        assert record_problems(line, {"1"}) == set()
    assert pair_problems([FIRST, SECOND]) == set()


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"FLAG": "2"}, "INVALID_FLAG_PROPER_PAIR"),
        ({"FLAG": "32"}, "INVALID_FLAG_MATE_NEG_STRAND"),
        ({"FLAG": "1"}, "PAIRED_READ_NOT_MARKED_AS_FIRST_OR_SECOND"),
        ({"FLAG": "260", "CIGAR": "*", "MAPQ": "0"}, "INVALID_FLAG_NOT_PRIM_ALIGNMENT"),
        ({"FLAG": "4", "MAPQ": "0"}, "INVALID_CIGAR"),
        ({"FLAG": "4", "CIGAR": "*"}, "INVALID_MAPPING_QUALITY"),
        ({"RNAME": "*", "POS": "0"}, "INVALID_FLAG_READ_UNMAPPED"),
        ({"CIGAR": "*"}, "INVALID_CIGAR"),
        ({"CIGAR": "7M"}, "MISMATCH_CIGAR_SEQ_LENGTH"),
        ({"CIGAR": "8S"}, "INVALID_CIGAR"),
        ({"SEQ": "*"}, "MISMATCH_READ_LENGTH_AND_QUALS_LENGTH"),
        ({"SEQ": "*", "QUAL": "*"}, "EMPTY_READ"),
        ({"QUAL": "*"}, "QUALITY_NOT_STORED"),
        ({"RNEXT": "="}, "INVALID_MATE_REF_INDEX"),
        ({"PNEXT": "5"}, "INVALID_ALIGNMENT_START"),
        ({"CIGAR": "6M1D2M"}, "INVALID_TAG_MD"),
        ({"CIGAR": "4M1I3M"}, "INVALID_TAG_NM"),
    ],
)
def test_problems_of_a_read(columns: dict[str, str], problem: str) -> None:
    assert problem in record_problems(with_columns(SINGLE, **columns), {"1"})


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (SINGLE.replace("\tRG:Z:1", ""), "RECORD_MISSING_READ_GROUP"),
        (SINGLE.replace("RG:Z:1", "RG:Z:2"), "READ_GROUP_NOT_FOUND"),
        (SINGLE.replace("\tNM:i:1", ""), "MISSING_TAG_NM"),
        (SINGLE + "\tNM:i:1", "DUPLICATE_SAM_TAG"),
        (SINGLE + "\tMC:Z:8M", "MATE_CIGAR_STRING_INVALID_PRESENCE"),
    ],
)
def test_problems_of_tags(line: str, problem: str) -> None:
    assert record_problems(line, {"1"}) == {problem}


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"FLAG": "151"}, "MISMATCH_FLAG_MATE_UNMAPPED"),
        ({"FLAG": "131"}, "MISMATCH_FLAG_MATE_NEG_STRAND"),
        ({"FLAG": "83"}, "MATES_ARE_SAME_END"),
        ({"RNAME": "2"}, "MISMATCH_MATE_REF_INDEX"),
        ({"POS": "31"}, "MISMATCH_MATE_ALIGNMENT_START"),
        ({"CIGAR": "8M"}, "MISMATCH_MATE_CIGAR_STRING"),
    ],
)
def test_problems_of_a_pair(columns: dict[str, str], problem: str) -> None:
    assert problem in pair_problems([FIRST, with_columns(SECOND, **columns)])


def test_problems_that_nobody_asked_for_have_no_excuse() -> None:
    """No field that was not requested makes these."""
    never = {"READ_GROUP_NOT_FOUND", "MISMATCH_CIGAR_SEQ_LENGTH", "MISMATCH_READ_LENGTH_AND_QUALS_LENGTH"}
    assert not never & CAUSES.keys() and "INVALID_MAPPING_QUALITY" not in CAUSES
