"""Manifests in all their forms, and what is wrong with others."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.formats import FormatError
from catalogue.formats.manifests import (
    COLUMNS,
    Location,
    ManifestForm,
    ManifestRow,
    Problem,
    read_manifest,
    write_manifest,
)


def test_the_columns_may_be_in_any_order() -> None:
    text = "id,path,md5\na,lab:a.bam," + "0f" * 16 + "\n\nb,/data/b.bam,\n"
    assert read_manifest(text) == [
        ManifestRow(line=2, path="lab:a.bam", id="a", md5="0f" * 16),
        ManifestRow(line=4, path="/data/b.bam", id="b"),
    ]
    assert read_manifest("\ufeff" + text.replace(",", "\t")) == read_manifest(text)


def test_json_lines_hold_the_same() -> None:
    text = '{"path": "lab:a.bam", "id": "a", "title": null}\n\n{"path": "b.bam"}\n'
    assert read_manifest(text) == [
        ManifestRow(line=1, path="lab:a.bam", id="a"),
        ManifestRow(line=3, path="b.bam"),
    ]


def test_a_list_of_paths() -> None:
    assert read_manifest("# mine\n/data/a.bam\n\n  lab:b.cram\n") == [
        ManifestRow(line=2, path="/data/a.bam"),
        ManifestRow(line=4, path="lab:b.cram"),
    ]


def test_locations_of_htsget_rs() -> None:
    locations = [
        {"location": "s3://bucket/one", "id": "first"},
        {"location": "file://data", "prefix": "bam"},
        {"location": "file://data"},
        "s3://bucket",
    ]
    expected = [
        Location(1, "s3://bucket/one", "first", True),
        Location(2, "file://data", "bam", False),
        Location(3, "file://data", "", False),
        Location(4, "s3://bucket", "", False),
    ]
    assert read_manifest(json.dumps(locations)) == expected
    assert read_manifest(json.dumps({"locations": locations}, indent=2)) == expected
    (found,) = read_manifest('[{"location": "https://example.org", "id": "a"}]')
    assert isinstance(found, Problem)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("path,colour\na,b\n", r"line 1: unknown column 'colour'; there are path, index"),
        ('{"path": "a"}\n{"path": "b", "colour": "red"}\n', "line 2: unknown column 'colour'"),
        ("id,dataset\na,b\n", "line 1: there is no column path"),
        ("path,id,id\n", "line 1: the column id is there twice"),
        ('path,id\n"a,b\n', "line 2: unexpected end"),
        ('{"path": "a"\n', "line 1: this is not JSON"),
        ("[1, ", "line 1: this is not JSON"),
    ],
)
def test_a_manifest_that_cannot_be_used(text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read_manifest(text)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"path": " "}, "it names no path"),
        ({"format": "bam"}, "unknown format 'bam'"),
        ({"visibility": "secret"}, "unknown visibility 'secret'"),
        ({"md5": "ABCD"}, "its md5 is not one"),
        ({"sha256": "0" * 63}, "its sha256 is not one"),
        ({"title": "t" * 5000}, "its title is longer than 4096 characters"),
    ],
)
def test_a_row_that_cannot_be_used_does_not_hide_the_others(cells: dict[str, str], reason: str) -> None:
    first, second = read_manifest(
        "\n".join(json.dumps(one) for one in ({"path": "a", **cells}, {"path": "b"}))
    )
    assert isinstance(first, Problem)
    assert (first.line, reason in first.reason) == (1, True)
    assert second == ManifestRow(line=2, path="b")


def test_a_row_of_another_length_names_its_line() -> None:
    text = 'path,title\na,"two\nlines"\nb\nc,d,e\n'
    assert read_manifest(text) == [
        ManifestRow(line=2, path="a", title="two\nlines"),
        Problem(4, "it has 1 cells, and the header 2"),
        Problem(5, "it has 3 cells, and the header 2"),
    ]


_TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=20).map(str.strip)


@given(
    st.lists(st.tuples(_TEXT.filter(bool), _TEXT, _TEXT), min_size=1, max_size=5),
    st.sampled_from(ManifestForm),
)
def test_what_is_written_is_read_again(cells: list[tuple[str, str, str]], form: ManifestForm) -> None:
    rows = [ManifestRow(line=0, path=path, id=id, title=title) for path, id, title in cells]
    text = "".join(write_manifest(rows, form))
    found = read_manifest(text)
    assert [(row.path, row.id, row.title) for row in found if isinstance(row, ManifestRow)] == cells
    if form is not ManifestForm.JSONL:
        delimiter = "\t" if form is ManifestForm.TSV else ","
        header, *others = csv.reader(io.StringIO(text), delimiter=delimiter)
        assert (tuple(header), len(others)) == (COLUMNS, len(cells))
