"""The registry of protocols: each path has one protocol."""

import re

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from ga4gh.protocol import protocol_at, protocol_paths, protocols
from htsgetsite.page_middleware import is_page


def test_no_two_protocols_share_a_path() -> None:
    paths = protocol_paths()
    assert len(paths) == len(set(paths))
    for path in paths:
        assert [other for other in paths if path.startswith(other)] == [path]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/sequence/x", "refget"),
        ("/md5/x", "refget"),
        ("/service-info", "refget"),
        ("/collection/x", "seqcol"),
        ("/seqcol/service-info", "seqcol"),
        ("/reads/x", "htsget"),
        ("/variants/service-info", "htsget"),
        ("/data/x", "htsget"),
        ("/services", "htsget"),
        ("/collections/x.fa", "seqcol"),
        ("/collections/x.fa.fai", "seqcol"),
        ("/collections/x.dict", "seqcol"),
        ("/collections/x.chrom.sizes", "seqcol"),
        ("/collections/x", None),
        ("/collections/x.fa/", None),
        ("/collections/", None),
        ("/sequences/x", None),
        ("/", None),
        ("/admin/", None),
        ("/healthz", None),
    ],
)
def test_whose_path_it_is(path: str, name: str | None) -> None:
    protocol = protocol_at(path)
    assert (protocol.name if protocol else None) == name
    assert is_page(path) == (name is None and path != "/healthz")


def test_every_pattern_of_a_protocol_is_below_its_paths() -> None:
    """Apart from the bare names of its folders, such as /reads, which name nothing."""
    below = re.compile("|".join(re.escape(path.rstrip("/")[1:]) for path in protocol_paths()))
    found = 0
    for resolver in get_resolver().url_patterns:
        if (
            isinstance(resolver, URLResolver)
            and getattr(resolver.urlconf_module, "PROTOCOL", None) in protocols()
        ):
            found += 1
            for pattern in resolver.url_patterns:
                assert isinstance(pattern, URLPattern)
                assert below.search(str(pattern.pattern)), pattern
    assert found == len(protocols())
