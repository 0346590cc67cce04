"""What an account asks to be registered, checked: every file lies where it may browse, and goes where it may write."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from catalogue import access
from catalogue.access import Place
from catalogue.formats import FormatError
from catalogue.formats.manifests import ManifestRow, Problem, read_manifest
from catalogue.models import Dataset
from catalogue.stewardship.refusals import NotAllowed, Unusable
from catalogue.storage.interface import is_key

#: Bytes of a manifest that the desk and the API take; `ingest_manifest` takes larger ones.
MAX_MANIFEST_BYTES: Final = 32 << 20


def check_files(user: Any, arguments: Mapping[str, Any]) -> Dataset:
    """Return the dataset that files are to be registered into.

    Raises NotAllowed unless the account may write to it, and may browse every file and prefix for it.
    """
    slug = arguments.get("dataset")
    dataset = next((one for one in access.datasets_for(user) if one.slug == slug), None)
    if dataset is None:
        raise NotAllowed("You are no steward of this dataset.")
    places = access.browsable_places(user, dataset=dataset)
    for argument in arguments.get("files", ()):
        check_place(places, str(argument))
    return dataset


def check_place(places: Iterable[Place], argument: str) -> None:
    """Raise NotAllowed unless an argument is a key or a prefix of a storage, in one of the places."""
    name, colon, key = argument.partition(":")
    whole = key.removesuffix("/")
    if not colon or (key and not is_key(whole)) or not access.may_browse(places, name, key):
        raise NotAllowed(
            f"You may not register {argument!r} into this dataset: an administrator can allow its prefix."
        )


def check_manifests(user: Any, arguments: Mapping[str, Any]) -> None:
    """Raise NotAllowed unless the account may write to the datasets of all rows, and may browse their files for them.

    Rows that cannot be used are left to the preview. Raises Unusable for a text that is no manifest.
    """
    allowed = {one.slug: one for one in access.datasets_for(user)}
    places: dict[str, list[Place]] = {}
    for manifest in arguments.get("manifests", ()):
        for row in _rows(manifest):
            slug = row.dataset or str(arguments.get("dataset", ""))
            if slug not in allowed and not user.has_perm("catalogue.add_datafile"):
                raise NotAllowed(f"Line {row.line}: you are no steward of the dataset {slug!r}.")
            if slug not in places:
                places[slug] = access.browsable_places(user, dataset=allowed.get(slug))
            for path in filter(None, (row.path, row.index)):
                try:
                    check_place(places[slug], path)
                except NotAllowed as error:
                    raise NotAllowed(f"Line {row.line}: {error}") from None


def _rows(manifest: Mapping[str, Any]) -> Iterable[ManifestRow]:
    try:
        items = list(read_manifest(manifest["text"]))
    except FormatError as error:
        raise Unusable(f"This is no manifest: {error}.") from None
    for item in items:
        if isinstance(item, ManifestRow):
            yield item
        elif not isinstance(item, Problem):
            raise Unusable("Locations of htsget-rs are registered by `manage.py ingest_manifest`.")
