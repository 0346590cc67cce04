"""The settings of the test run: those of the site, in a home of its own that is removed with the run.

What the environment of whoever runs the tests says of the site does not count. Workers of pytest-xdist and programs
that tests start inherit the home from the first process.
"""

import atexit
import os
import shutil
import tempfile

OWN_HOME = "HTSGETSITE_TEST_HOME"

if OWN_HOME not in os.environ:
    os.environ[OWN_HOME] = tempfile.mkdtemp(prefix="htsgetsite-test-")
    # Registered before anything starts the embedded PostgreSQL, and so run after that has stopped.
    atexit.register(shutil.rmtree, os.environ[OWN_HOME], ignore_errors=True)
    # pytest closes its usual folder to other accounts at every start, also to the embedded servers of another run.
    os.environ["PYTEST_DEBUG_TEMPROOT"] = os.environ[OWN_HOME]
os.environ["HTSGETSITE_HOME"] = os.environ[OWN_HOME]
for _name in (
    "ALLOWED_HOSTS", "DATABASE_URL", "DATA_ACCEL_REDIRECT", "DEBUG", "HTSGETSITE_STORAGES", "PORT", "PUBLIC_URL",
    "REFGET_SUBSEQUENCE_LIMIT", "SECRET_KEY", "TICKET_URL_TTL", "WORKERS",
):  # fmt: skip
    os.environ.pop(_name, None)

from htsgetsite.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Tests that commit are followed by a flush of every table; nothing else may empty the audit.
DATABASES["default"]["OPTIONS"]["options"] = "-c htsgetsite.audit_removal=flush"  # noqa: F405
# One address asks all that the tests ask.
THROTTLE_TICKETS_USER = THROTTLE_TICKETS_ADDRESS = THROTTLE_FAILURES = THROTTLE_SIGN_IN = None
