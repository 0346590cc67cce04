"""Valid and invalid bodies of POST requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ga4gh.errors import RequestError
from htsget_app.errors import InvalidInput
from htsget_app.params import RegionRequest
from tests.htsget_app.made_requests import MD5, post, region


@pytest.mark.parametrize(
    "beside",
    [region(), {"fields": ["POS"]}, {"tags": []}, {"tags": ["RG"]}, {"notags": []}, {"referenceName": "1"}],
)
def test_header_with_anything_beside_in_post(beside: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        post({"class": "header", **beside})


@pytest.mark.parametrize("value", [0, 1, 4294967295])
def test_positions_in_post(value: int) -> None:
    asked = post(region(end=value)).regions
    assert asked == (RegionRequest(name="1", end=value),)
    assert post(region(start=value)).regions == (RegionRequest(name="1", start=value),)


@pytest.mark.parametrize(
    "value", [-1, 4294967296, 10**30, 1.0, 1.5, 1e3, True, False, None, "1", "", [], [1], {}]
)
@pytest.mark.parametrize("name", ["start", "end"])
def test_positions_that_are_none_in_post(name: str, value: object) -> None:
    with pytest.raises(InvalidInput):
        post(region(**{name: value}))


def test_post_with_a_query() -> None:
    for query in ("format=BAM", "encryptionScheme=c4gh", "x", "&"):
        with pytest.raises(InvalidInput):
            post({}, query=query)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nothing",
        b"format=BAM",
        b"[]",
        b'""',
        b"1",
        b"null",
        b"{}{}",
        b'{"start": NaN}',
        b'{"x": Infinity}',
        b'{"x": -Infinity}',
        b"\xef\xbb\xbf{}",
        b'{"format": "BAM\xff"}',
        '{"format": "BAM"}'.encode("utf-16"),
        b"[" * 500_000,
        b'{"a":' * 200_000,
        b'{"regions": [{"referenceName": "1", "start": ' + b"9" * 100_000 + b"}]}",
        b"{'format': 'BAM'}",
        b"{},",
        b"\0",
    ],
)
def test_bodies_that_are_no_json_object(body: bytes) -> None:
    with pytest.raises(InvalidInput):
        post(body)


@pytest.mark.parametrize(
    "regions",
    [
        [],
        {},
        None,
        "1",
        5,
        [[]],
        [None],
        ["1"],
        [{}],
        [{"start": 1, "end": 2}],
        [{"referencename": "1"}],
        [{"referenceName": None}],
        [{"referenceName": 1}],
        [{"referenceName": ["1"]}],
        [{"referenceName": "1", "referenceMD5": 5}],
        [{"referenceMD5": MD5}],
        [{"referenceName": "1"}, {}],
    ],
)
def test_malformed_regions(regions: object) -> None:
    with pytest.raises(InvalidInput):
        post({"regions": regions})


@pytest.mark.parametrize("name", ["referenceName", "referenceMD5", "start", "end"])
def test_places_belong_into_regions(name: str) -> None:
    with pytest.raises(InvalidInput, match="regions"):
        post({name: "1"})


@pytest.mark.parametrize(
    "body",
    [
        {"format": 5},
        {"format": None},
        {"format": ["BAM"]},
        {"class": ["header"]},
        {"class": None},
        {"fields": "POS"},
        {"fields": [5]},
        {"tags": {"RG": 1}},
        {"notags": None},
    ],
)
def test_values_of_another_type(body: object) -> None:
    with pytest.raises(InvalidInput):
        post(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "format",
                    "class",
                    "regions",
                    "fields",
                    "tags",
                    "notags",
                    "referenceName",
                    "referenceMD5",
                    "start",
                    "end",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON | st.fixed_dictionaries({"regions": st.lists(JSON, max_size=3)}))
def test_any_json_is_read_or_refused(document: object) -> None:
    try:
        post(document)
    except RequestError as error:
        assert str(error)
