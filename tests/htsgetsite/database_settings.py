"""Settings of processes that use the embedded PostgreSQL and nothing else of the site, so that they start quickly."""

import os
from pathlib import Path

from htsgetsite.database import embedded_database
from htsgetsite.secret import kept_secret

HTSGETSITE_HOME = Path(os.environ["HTSGETSITE_HOME"])
SECRET_KEY = kept_secret(HTSGETSITE_HOME / "secret_key")
DATABASES = {"default": embedded_database()}
