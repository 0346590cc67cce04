"""The resources of sequence collections 1.0.0 ("API"), the same below the site's root and below `/seqcol`."""

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from itertools import chain
from typing import Any
from urllib.parse import quote

from catalogue import audit
from catalogue.access import Viewer
from catalogue.audit import Event, Kind
from catalogue.errors import NotFound
from catalogue.queries import collection_files
from catalogue.queries import collections as queries
from catalogue.queries.collections import StoredCollection
from ga4gh.errors import RequestError, log_broken_body
from ga4gh.etags import precondition, requested_range
from ga4gh.exchange import (
    CACHE_BRIEFLY,
    CACHE_FOR_EVER,
    CACHE_PRIVATE,
    Answer,
    Header,
    answer,
    document,
    json_answer,
)
from ga4gh.parameters import query_parameters
from ga4gh.ranges import content_range, unsatisfied_range
from ga4gh.views import GuardedView, ProtocolView, site_url
from seqcol_app import params
from seqcol_app.openapi import OPENAPI
from seqcol_app.protocol import MAX_BODY, PROTOCOL

#: A collection of so many sequences is written before the answer begins; a larger one is streamed.
MAX_WRITTEN_AT_ONCE = 50_000

_JSON = ("Content-Type", "application/json")
_TEXT = ("Content-Type", "text/plain; charset=utf-8")
_FASTA = ("Content-Type", "text/x-fasta; charset=utf-8")


class RedirectToDigest(RequestError):
    """A collection was asked for by its name: redirect to the same path with its digest."""

    status = HTTPStatus.TEMPORARY_REDIRECT

    def __init__(self, location: str) -> None:
        super().__init__("the collection is named by its digest", headers=[("Location", location)])


class CollectionsView(GuardedView):
    """A resource made of collections. Those that the viewer may not read are as if absent, so refusals are no event."""

    protocol = PROTOCOL
    event = Kind.SEQUENCE

    def audit_target(self, error: Exception) -> None:
        """Record no refusal: to anybody who may not read a collection it is one of those that do not exist."""

    @property
    def given(self) -> dict[str, str]:
        """The parameters of the query string."""
        return query_parameters(self.asked.query)

    @property
    def viewer(self) -> Viewer:
        """Who asks."""
        return self.asked.viewer

    def find(self, identifier: str) -> StoredCollection:
        """Return the collection of a digest. Raises NotFound, and RedirectToDigest for a name."""
        try:
            return queries.collection(identifier, viewer=self.viewer)
        except NotFound:
            digest = queries.collection_digest_of_name(identifier, viewer=self.viewer)
        parts = {name: digest if part == identifier else part for name, part in self.kwargs.items()}
        raise RedirectToDigest(self._path_with(parts))

    def _path_with(self, parts: dict[str, str]) -> str:
        root = "/seqcol" if self.asked.path.startswith("/seqcol/") else ""
        query = f"?{self.asked.query}" if self.asked.query else ""
        path = "/".join(quote(part, safe="") for part in parts.values())
        return f"{site_url(self.request)}{root}/{self.resource}/{path}{query}"

    resource = ""

    def given_out(self, *collections: StoredCollection) -> Header:
        """Record which private collections are about to leave; return how long caches may keep the answer."""
        private = [stored for stored in collections if not stored.public]
        for stored in private:
            detail = {"what": "collection", "path": self.asked.path[:100]}
            audit.record(Event(Kind.SEQUENCE, target=stored.digest, detail=detail), viewer=self.viewer)
        return CACHE_PRIVATE if private else CACHE_BRIEFLY


class CollectionView(CollectionsView):
    """`/collection/<digest>` ("Collection")."""

    resource = "collection"

    def get(self, request: Any, identifier: str) -> Answer:
        """Return the digests (level 1) or the arrays (level 2) of a collection, or its items with `collated=false`."""
        given = self.given
        level, collated = params.level(given), params.collated(given)
        stored = self.find(identifier)
        caching = self.given_out(stored)
        if level == 1:
            return document(self.asked, stored.attributes, caching=caching)
        body = _level2(stored) if collated else _items(stored)
        tag = f"{stored.digest}-{'level2' if collated else 'items'}"
        return self.arrays(stored, body, tag=tag, caching=caching)

    def arrays(self, stored: StoredCollection, body: Iterator[bytes], *, tag: str, caching: Header) -> Answer:
        """Answer with JSON that is written as it is sent where it is long."""
        validity = (("ETag", f'"{tag}"'), caching)
        if status := precondition(self.asked.environ, f'"{tag}"'):
            return answer(status, validity)
        if stored.size <= MAX_WRITTEN_AT_ONCE:
            return json_answer(self.asked, b"".join(body), headers=validity)
        return answer(HTTPStatus.OK, (_JSON, *validity), b"" if self.asked.method == "HEAD" else body)

    head = get


class AttributeView(CollectionView):
    """`/attribute/collection/<attribute>/<digest>` ("Attribute")."""

    def get(self, request: Any, attribute: str, identifier: str) -> Answer:  # type: ignore[override]
        """Return the array of an attribute."""
        if attribute in queries.TRANSIENT:
            raise NotFound(f"{attribute} is transient: only its digest is kept")
        _check_attribute(attribute)
        stored = queries.collection_with(attribute, identifier, viewer=self.viewer)
        caching = CACHE_FOR_EVER if self.given_out(stored) == CACHE_BRIEFLY else CACHE_PRIVATE
        body = queries.attribute_json(stored, attribute)
        return self.arrays(stored, body, tag=f"{identifier}-{attribute}", caching=caching)

    head = get  # type: ignore[assignment]


class ComparisonView(CollectionsView):
    """`/comparison/<a>/<b>`, and `/comparison/<a>` with somebody's own collection ("Comparison")."""

    resource = "comparison"

    def get(self, request: Any, a: str, b: str) -> Answer:
        """Compare two collections."""
        first, second = self.find(a), self.find(b)
        content = _comparison(first.digest, second.digest, queries.compare_collections(first, second))
        return document(self.asked, content, caching=self.given_out(first, second))

    head = get


class OwnComparisonView(CollectionsView):
    """`/comparison/<a>` with a collection in the body."""

    resource = "comparison"

    def post(self, request: Any, a: str) -> Answer:
        """Compare a collection with the one in the body, whose digest is computed where it has names and sequences."""
        first = self.find(a)
        arrays = params.level2(self.body(max_bytes=MAX_BODY))
        self.given_out(first)
        compared = queries.compare_with(first, arrays)
        return json_answer(self.asked, _comparison(first.digest, queries.digest_of_arrays(arrays), compared))


class ListView(CollectionsView):
    """`/list/collection` ("List")."""

    def get(self, request: Any) -> Answer:
        """Return the digests of collections that have all the attributes asked for."""
        given = self.given
        page = params.page(given)
        found = queries.collection_digests(
            params.filters(given), start=page.start, count=page.size, viewer=self.viewer
        )
        return json_answer(self.asked, page.document(*found))

    head = get


class AttributeListView(CollectionsView):
    """`/list/attributes/<attribute>`."""

    def get(self, request: Any, attribute: str) -> Answer:
        """Return the digests of an attribute, of all collections."""
        _check_attribute(attribute)
        page = params.page(self.given)
        found = queries.attribute_digests(attribute, start=page.start, count=page.size, viewer=self.viewer)
        return json_answer(self.asked, page.document(*found))

    head = get


class FileView(CollectionsView):
    """`/collections/<digest>` as a file: `.fa`, `.fa.fai`, `.dict` and `.chrom.sizes`."""

    def get(self, request: Any, identifier: str, suffix: str) -> Answer:
        """Return the file; of the FASTA file also a range of bytes."""
        stored = self.find(identifier)
        if suffix == ".fa":
            return self._fasta(stored)
        body = _FILES[suffix](stored)
        etag = f'"{stored.digest}{suffix}"'
        validity = (("ETag", etag), self.given_out(stored))
        if status := precondition(self.asked.environ, etag):
            return answer(status, validity)
        nothing = self.asked.method == "HEAD"
        return answer(HTTPStatus.OK, (_TEXT, *validity), b"" if nothing else body)

    head = get

    def _fasta(self, stored: StoredCollection) -> Answer:
        file = collection_files.fasta_file(stored)
        etag = f'"{stored.digest}.fa"'
        validity = (("ETag", etag), ("Accept-Ranges", "bytes"), self.given_out(stored))
        if unmet := precondition(self.asked.environ, etag):
            return answer(unmet, validity)
        part = self._part(file.size, etag)
        begin, end = part or (0, file.size)
        headers: list[Header] = [_FASTA, ("Content-Length", str(end - begin)), *validity]
        status = HTTPStatus.OK
        if part is not None:
            headers.append(content_range(begin, end, file.size))
            status = HTTPStatus.PARTIAL_CONTENT
        if self.asked.method == "HEAD":
            return answer(status, headers)
        return answer(status, headers, log_broken_body(_begun(file.read(begin, end)), self.asked.target))

    def _part(self, size: int, etag: str) -> tuple[int, int] | None:
        """Return the bytes, half-open, that a Range header asks for; None for all. Raises RequestError (416)."""
        wanted = requested_range(self.asked.environ, etag, method=self.asked.method)
        if wanted is None:
            return None
        part = wanted.within(size)
        if part is None:
            raise RequestError(
                f"the file has {size:,} bytes, and the Range header asks for none of them",
                status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                headers=[unsatisfied_range(size)],
            )
        return part

    def _path_with(self, parts: dict[str, str]) -> str:
        return f"{site_url(self.request)}/collections/{quote(parts['identifier'])}{parts['suffix']}"


class OpenApiView(ProtocolView):
    """`/openapi.json` ("OpenAPI documentation")."""

    protocol = PROTOCOL

    def get(self, request: Any) -> Answer:
        """Return the OpenAPI document; its server is the root (`/` or `/seqcol`) that the request names."""
        root = self.asked.path.removesuffix("/").removesuffix("/openapi.json")
        return document(self.asked, {**OPENAPI, "servers": [{"url": site_url(self.request) + root}]})

    head = get


_FILES: Mapping[str, Callable[[StoredCollection], Iterator[bytes]]] = {
    ".fa.fai": collection_files.fasta_index,
    ".dict": collection_files.sequence_dictionary,
    ".chrom.sizes": collection_files.chrom_sizes,
}


def _begun(body: Iterator[bytes]) -> Iterator[bytes]:
    """Read the first piece at once, so that what is missing fails before the status is sent."""
    return chain((next(body, b""),), body)


def _check_attribute(attribute: str) -> None:
    if attribute not in queries.ATTRIBUTES:
        raise NotFound(f"{attribute!r} is no attribute; these are: {', '.join(queries.ATTRIBUTES)}")


def _comparison(a: str, b: str | None, compared: dict[str, Any]) -> dict[str, object]:
    return {"digests": {"a": a, "b": b}, **compared}


def _level2(stored: StoredCollection) -> Iterator[bytes]:
    separator = "{"
    for attribute in queries.ATTRIBUTES:
        if attribute not in queries.TRANSIENT:
            yield f'{separator}"{attribute}":'.encode()
            yield from queries.attribute_json(stored, attribute)
            separator = ","
    yield b"}"


def _items(stored: StoredCollection) -> Iterator[bytes]:
    separator = b"["
    for batch in queries.items_json(stored):
        yield separator + batch
        separator = b","
    yield b"]"
