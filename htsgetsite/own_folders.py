"""The site's own folders below its home."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings

from catalogue.storage import FILES, SEQUENCES


def make_own_folders() -> None:
    """Makes the folders of the two default storages where they lie below the home; any other is the operator's.

    Only their owner may enter them: access to data is given by the site, not by the machine's accounts.

    Raises OSError.
    """
    home: Path = settings.HTSGETSITE_HOME
    for name in (SEQUENCES, FILES):
        url = urlsplit(settings.HTSGETSITE_STORAGES[name])
        folder = Path(unquote(url.path))
        if url.scheme == "file" and folder.is_relative_to(home):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
