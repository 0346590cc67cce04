"""Make the site's folders below its home."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings

from catalogue.storage import FILES, SEQUENCES


def make_own_folders() -> None:
    """Make the home and, where they lie below it, the folders of the two default storages.

    The operator makes folders outside the home. New folders have mode 0700, whatever the umask, because the site grants
    access to data, not the accounts of the machine. Raises OSError.
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
