"""Every row of the table of requests that needs no file, for GET and for POST; and what no client should send."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.formats.bam_fields import FIELDS
from catalogue.formats.headers import FileFormat
from ga4gh.errors import RequestError
from htsget_app.errors import InvalidInput, InvalidRange, UnsupportedFormat
from htsget_app.params import RegionRequest, TicketRequest
from tests.htsget_app.made_requests import MD5, get, post, region


def test_nothing_asked_is_the_whole_file() -> None:
    expected = TicketRequest("reads", "x", FileFormat.BAM)
    assert get("") == post({}) == expected
    assert expected.regions is None and not expected.header_only and not expected.unplaced
    assert get("", "variants").format is post({}, "variants").format is FileFormat.VCF


@pytest.mark.parametrize(
    ("kind", "said", "meant"),
    [
        ("reads", "BAM", FileFormat.BAM),
        ("reads", "bam", FileFormat.BAM),
        ("reads", "cRaM", FileFormat.CRAM),
        ("variants", "vcf", FileFormat.VCF),
        ("variants", "Bcf", FileFormat.BCF),
    ],
)
def test_format_in_any_case(kind: str, said: str, meant: FileFormat) -> None:
    assert get(f"format={said}", kind).format is post({"format": said}, kind).format is meant


@pytest.mark.parametrize("kind", ["reads", "variants"])
@pytest.mark.parametrize("said", ["", "SAM", "BAM ", "BAM,CRAM", "bam\0", "ＢＡＭ", "null"])
def test_unknown_format(kind: str, said: str) -> None:
    with pytest.raises(UnsupportedFormat):
        get(urlencode({"format": said}), kind)
    with pytest.raises(UnsupportedFormat):
        post({"format": said}, kind)


@pytest.mark.parametrize(
    ("kind", "said"), [("reads", "VCF"), ("reads", "bcf"), ("variants", "BAM"), ("variants", "cram")]
)
def test_format_of_the_other_kind(kind: str, said: str) -> None:
    with pytest.raises(UnsupportedFormat):
        get(f"format={said}", kind)
    with pytest.raises(UnsupportedFormat):
        post({"format": said}, kind)


def test_header_only() -> None:
    expected = TicketRequest("reads", "x", FileFormat.CRAM, header_only=True)
    assert get("class=header&format=cram") == post({"class": "header", "format": "cram"}) == expected
    assert get("class=header&encryptionScheme=c4gh").header_only


@pytest.mark.parametrize("said", ["", "body", "Header", "header,body", "header "])
def test_other_classes(said: str) -> None:
    with pytest.raises(InvalidInput):
        get(urlencode({"class": said}))
    with pytest.raises(InvalidInput):
        post({"class": said})


@pytest.mark.parametrize(
    "beside",
    [
        "referenceName=1",
        f"referenceMD5={MD5}",
        "start=1",
        "end=2",
        "fields=POS",
        "tags=RG",
        "notags=RG",
        "tags=",
    ],
)
def test_header_with_anything_beside_in_get(beside: str) -> None:
    with pytest.raises(InvalidInput):
        get(f"class=header&{beside}")


@pytest.mark.parametrize("text", ["0", "1", "007", "4294967295", "0" * 5000 + "9"])
def test_positions(text: str) -> None:
    for name in ("start", "end"):
        asked = get(f"referenceName=1&{name}={text}").regions
        assert asked is not None and getattr(asked[0], name) == int(text.lstrip("0") or "0")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1_0",
        "1.0",
        "1e3",
        "0x10",
        "٣",
        "４",
        "4294967296",
        "9" * 30,
        "9" * 5000,
        "one",
        "1,2",
    ],
)
@pytest.mark.parametrize("name", ["start", "end"])
def test_positions_that_are_none(name: str, text: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        get(urlencode({"referenceName": "1", name: text}))


def test_positions_need_a_reference() -> None:
    for query in ("start=1", "end=2", "start=1&end=2", "start=0"):
        with pytest.raises(InvalidInput):
            get(query)
    for query in ("start=1", "end=2", "start=0"):
        with pytest.raises(InvalidInput):
            get(f"referenceName=*&{query}")
        name, value = query.split("=")
        with pytest.raises(InvalidInput):
            post({"regions": [{"referenceName": "*", name: int(value)}]})


def test_start_after_end() -> None:
    with pytest.raises(InvalidRange):
        get("referenceName=1&start=5&end=4")
    with pytest.raises(InvalidRange):
        get(f"referenceMD5={MD5}&start=5&end=4")
    with pytest.raises(InvalidRange):
        post(region(start=5, end=4))


def test_start_at_end_is_empty_in_get_and_refused_in_post() -> None:
    assert get("referenceName=1&start=5&end=5").regions == (RegionRequest(name="1", start=5, end=5),)
    with pytest.raises(InvalidRange):
        post(region(start=5, end=5))
    with pytest.raises(InvalidRange):
        post({"regions": [{"referenceName": "1"}, {"referenceName": "2", "start": 0, "end": 0}]})


def test_reference_by_name_and_md5() -> None:
    assert get("referenceName=chr1").regions == (RegionRequest(name="chr1"),)
    assert get(f"referenceMD5={MD5.upper()}").regions == (RegionRequest(md5=MD5),)
    assert get(f"referenceName=1&referenceMD5={MD5}").regions == (RegionRequest(name="1", md5=MD5),)
    # A plus is a space in a query, and names of HLA contigs have stars and colons.
    assert get("referenceName=HLA-A*01:01:01:01").regions == (RegionRequest(name="HLA-A*01:01:01:01"),)
    assert get("referenceName=%E6%9F%93").regions == (RegionRequest(name="染"),)
    assert get("referenceName=*") == post({"regions": [{"referenceName": "*"}]})
    assert get("referenceName=*").unplaced and get("referenceName=*").regions == ()
    with pytest.raises(InvalidInput):
        get(f"referenceName=*&referenceMD5={MD5}")


def test_several_regions() -> None:
    asked = post(
        {"regions": [{"referenceName": "2", "start": 1}, {"referenceName": "*"}, {"referenceName": "1"}]}
    )
    assert asked.regions == (RegionRequest(name="2", start=1), RegionRequest(name="1"))
    assert asked.unplaced


def test_fields_and_tags() -> None:
    by_get = get("fields=QNAME,POS&tags=RG,MD&notags=X0")
    by_post = post({"fields": ["QNAME", "POS"], "tags": ["RG", "MD"], "notags": ["X0"]})
    assert by_get == by_post
    assert by_get.fields == frozenset({"QNAME", "POS"})
    assert by_get.tags == frozenset({"RG", "MD"}) and by_get.notags == frozenset({"X0"})
    assert get("tags=").tags == post({"tags": []}).tags == frozenset()
    assert get("notags=").notags == post({"notags": []}).notags == frozenset()
    assert get("").tags is None and get("").fields is None
    assert get(f"fields={','.join(FIELDS)}").fields == frozenset(FIELDS)


@pytest.mark.parametrize("fields", ["", "qname", "QNAME,", "QNAME,NAME", ",", "QNAME POS"])
def test_unknown_fields(fields: str) -> None:
    with pytest.raises(InvalidInput):
        get(urlencode({"fields": fields}))
    with pytest.raises(InvalidInput):
        post({"fields": fields.split(",") if fields else []})


@pytest.mark.parametrize("tag", ["R", "RGG", "0A", "R_", "rg ", "ÄB", "R\n", "RG\n"])
@pytest.mark.parametrize("name", ["tags", "notags"])
def test_texts_that_are_no_tags(name: str, tag: str) -> None:
    with pytest.raises(InvalidInput):
        get(urlencode({name: f"RG,{tag}"}))
    with pytest.raises(InvalidInput):
        post({name: ["RG", tag]})


def test_tags_and_notags_intersect() -> None:
    with pytest.raises(InvalidInput):
        get("tags=RG,MD&notags=MD")
    with pytest.raises(InvalidInput):
        post({"tags": ["RG", "MD"], "notags": ["MD"]})
    assert get("tags=&notags=").tags == frozenset()


@pytest.mark.parametrize(
    "name", ["format", "class", "referenceName", "referenceMD5", "start", "end", "fields", "tags", "notags"]
)
def test_a_parameter_twice(name: str) -> None:
    value = {
        "format": "BAM",
        "class": "header",
        "fields": "POS",
        "tags": "RG",
        "notags": "RG",
        "start": "1",
        "end": "1",
    }
    said = f"{name}={value.get(name, 'x')}"
    with pytest.raises(InvalidInput, match=name):
        get(f"{said}&{said}")
    with pytest.raises(InvalidInput):
        post(b'{"regions": [{"referenceName": "1", "referenceName": "1"}]}')
    with pytest.raises(InvalidInput):
        post(b'{"format": "BAM", "format": "BAM"}')


def test_unknown_parameters_are_ignored() -> None:
    assert get("encryptionScheme=c4gh&encryptionScheme=x&&=&%20=1&referencename=2") == get("")
    assert post({"encryptionScheme": "c4gh", "x": [{"start": -1}]}) == post({})
    assert post(region(colour="red")) == post(region())


@pytest.mark.parametrize(
    "query", ["%FF", "referenceName=%C3", "referenceName=%ED%A0%80", "a=1&" * 2000, "é=\udcff"]
)
def test_queries_that_are_no_text(query: str) -> None:
    with pytest.raises(InvalidInput):
        get(query)


def test_raw_utf8_in_a_query() -> None:
    assert get("referenceName=染".encode().decode("latin-1")).regions == (RegionRequest(name="染"),)


@given(st.text(st.characters(max_codepoint=255), max_size=80))
def test_any_query_is_read_or_refused(query: str) -> None:
    try:
        get(query)
    except RequestError as error:
        assert str(error)
