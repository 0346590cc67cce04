"""System checks of the catalogue: every configured storage is usable, and the site's own storages are writable."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from catalogue.errors import StorageMisconfigured
from catalogue.storage import FILES, SEQUENCES, LocalStorage, storage

#: The tag of the checks that commands run before they start.
STORAGES: Final = "storages"


@register(STORAGES)
def check_storages(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Return a message for each storage that cannot be used. Asks no host on the network."""
    messages: list[CheckMessage] = []
    for name in settings.HTSGETSITE_STORAGES:
        try:
            place = storage(name)
        except StorageMisconfigured as error:
            messages.append(Error(str(error), id="catalogue.E001"))
            continue
        if isinstance(place, LocalStorage):
            messages += _folder(name, place.root)
    return messages


def _folder(name: str, root: Path) -> list[CheckMessage]:
    own = name in {SEQUENCES, FILES}
    if root.is_dir():
        if not os.access(root, os.R_OK | os.X_OK):
            return [
                Error(f"The folder of storage {name!r} cannot be read.", hint=str(root), id="catalogue.E003")
            ]
        if own and not os.access(root, os.W_OK):
            return [
                Error(
                    f"The folder of storage {name!r} cannot be written to.",
                    hint=str(root),
                    id="catalogue.E004",
                )
            ]
        return []
    if root.exists():
        return [
            Error(f"The location of storage {name!r} is not a folder.", hint=str(root), id="catalogue.E002")
        ]
    if not own:
        return [Warning(f"The folder of storage {name!r} is missing.", hint=str(root), id="catalogue.W001")]
    # The site makes its own folders with the first file; check only that it has the permission.
    nearest = next(parent for parent in root.parents if parent.exists())
    if os.access(nearest, os.W_OK | os.X_OK):
        return []
    return [Error(f"The folder of storage {name!r} cannot be made.", hint=str(root), id="catalogue.E004")]
