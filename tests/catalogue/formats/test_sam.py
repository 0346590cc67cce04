"""SAM header text, with malformed parts skipped."""

from catalogue.formats.sam import parse_sam_header


def test_sam_text() -> None:
    text = (
        "@HD\tVN:1.6\tSO:queryname\r\n@CO\tSN:no\n@SQ\tSN:1\tLN:x\tM5:short\tAN:a,b,,c\tAS:GRCh38\tUR:file:/x\tSP:y\n"
        "@SQ\tLN:5\n@SQ\tSN:2\tLN:7\tbroken\tM5:" + "F" * 32 + "\n"
        "@RG\tID:1\tSM:s\n@RG\tID:2\n@RG\tID:3\tSM:s\nnonsense\n"
    )
    sam = parse_sam_header(text)
    assert (sam.version, sam.sort_order, sam.samples) == ("1.6", "queryname", ("s",))
    one, two = sam.contigs
    assert (one.name, one.length, one.md5, one.aliases) == ("1", None, None, ("a", "b", "c"))
    assert one.assembly == "GRCh38"
    assert (two.index, two.name, two.length, two.md5) == (1, "2", 7, "f" * 32)
    assert parse_sam_header("").contigs == ()
