"""Declares each list of the API: its shape, filters and orders, and the queries that answer it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rest_framework import serializers

from catalogue.queries import listings, managed_listings, reference_listings, samples
from catalogue.queries.file_search import FileFilter
from catalogue.queries.listings import Asked, Page
from portal.api import shapes, writes
from portal.api.writes import Write


@dataclass(frozen=True, slots=True)
class Filter:
    """A parameter that limits a list. With `choices` it is one of them; a flag is `true` or `false`."""

    name: str
    about: str
    choices: tuple[str, ...] = ()
    is_flag: bool = False
    is_required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One list; `one` finds an item by its `key`, of the `item` shape.

    Lists for `accounts` need a token that opens everything of one, or one to manage; those for `stewards` only the
    latter, as every write does: `create`, `change`, `remove`, and `actions` by the last part of their paths.
    """

    name: str
    about: str
    shape: type[serializers.Serializer[Any]]
    page: Callable[..., Page]
    filters: tuple[Filter, ...] = ()
    orders: tuple[str, ...]
    one: Callable[..., Any] | None = None
    key: str = ""
    item: type[serializers.Serializer[Any]] | None = None
    accounts: bool = False
    stewards: bool = False
    create: Write | None = None
    change: Write | None = None
    remove: Write | None = None
    actions: Mapping[str, Write] = field(default_factory=dict)

    @property
    def item_shape(self) -> type[serializers.Serializer[Any]]:
        """The shape of one item."""
        return self.item or self.shape


_TEXT: Final = "Words of which each is in it"


def _files(asked: Asked, *, q: str = "", **given: str) -> Page:
    """Return files; a `FileFilter` has several values for each of the filters, which are named in the singular."""
    wanted = FileFilter(text=q, **{f"{name}s": (value,) for name, value in given.items()})
    return listings.files_page(asked, wanted)


RESOURCES: Final = (
    Resource(
        name="datasets",
        about="Datasets",
        shape=shapes.DatasetShape,
        page=listings.dataset_page,
        filters=(
            Filter("q", "A part of the name, title or description"),
            Filter("visibility", "Who may fetch its files", ("public", "registered", "controlled")),
        ),
        orders=("slug", "-slug", "created", "-created"),
        one=listings.one_dataset,
        key="slug",
        change=writes.CHANGE_DATASET,
    ),
    Resource(
        name="files",
        about="Files of reads and variants",
        shape=shapes.FileShape,
        page=_files,
        filters=(
            Filter("q", f"{_TEXT}: its id, or the name of a sample"),
            Filter("dataset", "The name of its dataset"),
            Filter("id", "Its id, which may have * and ?"),
            Filter("kind", "Its kind", ("reads", "variants")),
            Filter("format", "Its format", ("BAM", "CRAM", "VCF", "BCF")),
            Filter("state", "Its state", ("ready", "changed", "missing", "corrupt")),
            Filter("sample", "The name of a sample"),
            Filter("reference", "A collection by name, or a sequence by digest or alias"),
        ),
        orders=("htsget_id", "-htsget_id", "ingested", "-ingested"),
        one=listings.one_file,
        key="number",
        change=writes.CHANGE_FILE,
    ),
    Resource(
        name="contigs",
        about="Contigs of a file, in the order of its header",
        shape=shapes.ContigShape,
        page=listings.contig_page,
        filters=(
            Filter("file", "The number of the file", is_required=True),
            Filter("q", "A part of the name"),
        ),
        orders=("number",),
    ),
    Resource(
        name="samples",
        about="Samples, by name",
        shape=shapes.SampleShape,
        page=samples.sample_page,
        filters=(Filter("q", "A part of the name"), Filter("dataset", "The name of a dataset")),
        orders=("name", "-name"),
    ),
    Resource(
        name="sequences",
        about="Reference sequences",
        shape=shapes.SequenceShape,
        page=reference_listings.sequence_page,
        filters=(
            Filter("identifier", "A digest or an alias"),
            Filter("collection", "The name of a collection"),
            Filter("held", "Whether its residues are here", is_flag=True),
        ),
        orders=("id", "-id"),
        one=reference_listings.one_sequence,
        key="digest",
    ),
    Resource(
        name="aliases",
        about="Names of sequences",
        shape=shapes.AliasShape,
        page=reference_listings.alias_page,
        filters=(
            Filter("name", "The whole name"),
            Filter("authority", "The naming authority"),
            Filter("sequence", "A digest or an alias of the sequence"),
        ),
        orders=("name", "-name"),
    ),
    Resource(
        name="authorities",
        about="Naming authorities",
        shape=shapes.AuthorityShape,
        page=reference_listings.authority_page,
        orders=("name", "-name"),
    ),
    Resource(
        name="collections",
        about="Sequence collections, such as assemblies",
        shape=shapes.CollectionShape,
        page=reference_listings.collection_page,
        filters=(
            Filter("q", "A part of the name"),
            Filter("sequence", "A digest or an alias of a sequence that it holds"),
            Filter("visibility", "Who may fetch its sequences", ("public", "private")),
        ),
        orders=("name", "-name", "created", "-created"),
        one=reference_listings.one_collection,
        key="collection",
    ),
    Resource(
        name="genomes",
        about="Annotations on assemblies",
        shape=shapes.GenomeShape,
        page=managed_listings.genome_page,
        filters=(
            Filter("q", "A part of the id, accession or a name"),
            Filter("taxon", "The number of its taxon"),
            Filter("collection", "The name of its assembly"),
        ),
        orders=("genome_id", "-genome_id"),
        one=managed_listings.one_genome,
        key="genome_id",
    ),
    Resource(
        name="runs",
        about="Ingests and background jobs that the account may see",
        shape=shapes.RunShape,
        page=managed_listings.run_page,
        filters=(
            Filter(
                "outcome",
                "Its outcome",
                ("queued", "running", "succeeded", "failed", "interrupted", "cancelled"),
            ),
            Filter("command", "Its command"),
        ),
        orders=("-started", "started"),
        one=managed_listings.one_run,
        key="number",
        item=shapes.RunDetailShape,
        accounts=True,
        create=writes.CREATE_RUN,
        actions=writes.RUN_ACTIONS,
    ),
    Resource(
        name="inputs",
        about="Inputs of a run, with what became of each",
        shape=shapes.InputShape,
        page=managed_listings.input_page,
        filters=(
            Filter("run", "The number of the run", is_required=True),
            Filter(
                "outcome",
                "What became of it",
                ("waiting", "added", "changed", "unchanged", "passed over", "failed", "cancelled"),
            ),
        ),
        orders=("id", "-id"),
        accounts=True,
    ),
    Resource(
        name="grants",
        about="Grants on what the account manages",
        shape=shapes.GrantShape,
        page=managed_listings.grant_page,
        filters=(
            Filter("q", "A part of the name of a grantee, or of the note"),
            Filter("dataset", "The name of the dataset"),
            Filter("collection", "The name of the collection"),
            Filter("role", "The role", ("owner", "steward", "reader")),
        ),
        orders=("-created", "created"),
        one=managed_listings.one_grant,
        key="number",
        stewards=True,
        create=writes.CREATE_GRANT,
        remove=writes.REMOVE_GRANT,
    ),
)
