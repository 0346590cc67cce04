"""The settings of the test run: those of the site, in a home of its own that is removed with the run.

What the environment of whoever runs the tests says of the site does not count. Workers of pytest-xdist and programs
that tests start inherit the home from the first process.
"""

import os
import tempfile

OWN_HOME = "HTSGETSITE_TEST_HOME"

#: Whether this process made the home, and so removes it.
OWNER = OWN_HOME not in os.environ
if OWNER:
    os.environ[OWN_HOME] = tempfile.mkdtemp(prefix="htsgetsite-test-")
os.environ["HTSGETSITE_HOME"] = os.environ[OWN_HOME]
for _name in (
    "ALLOWED_HOSTS", "DATABASE_URL", "DATA_ACCEL_REDIRECT", "DEBUG", "HTSGETSITE_STORAGES", "PORT", "PUBLIC_URL",
    "REFGET_SUBSEQUENCE_LIMIT", "SECRET_KEY", "TICKET_URL_TTL", "WORKERS",
):  # fmt: skip
    os.environ.pop(_name, None)

from htsgetsite.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
