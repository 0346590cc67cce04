"""The site's own folders below its home."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings

from catalogue.storage import FILES, SEQUENCES


def make_own_folders() -> None:
    """Makes the folders of the two default storages where they lie below the home; any other is the operator's.

    Raises OSError.
    """
    home: Path = settings.HTSGETSITE_HOME
    for name in (SEQUENCES, FILES):
        url = urlsplit(settings.HTSGETSITE_STORAGES[name])
        folder = Path(unquote(url.path))
        if url.scheme == "file" and folder.is_relative_to(home):
            folder.mkdir(parents=True, exist_ok=True)
