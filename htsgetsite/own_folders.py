"""The site's own folders below its home."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings

from catalogue.storage import FILES, SEQUENCES


def make_own_folders() -> None:
    """Make the home and the folders of the two default storages below it; folders elsewhere are the operator's.

    Only their owner may enter new ones, whatever the umask: access to data is given by the site, not by the machine's
    accounts. Raises OSError.
    """
    home: Path = settings.HTSGETSITE_HOME
    folders = [home]
    for name in (SEQUENCES, FILES):
        url = urlsplit(settings.HTSGETSITE_STORAGES[name])
        folder = Path(unquote(url.path))
        if url.scheme == "file" and folder.is_relative_to(home):
            folders += [*reversed([above for above in folder.parents if above.is_relative_to(home)]), folder]
    for folder in folders:
        folder.mkdir(mode=0o700, parents=folder == home, exist_ok=True)
