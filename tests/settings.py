"""The settings of the test run: those of the site, in a home of its own that is removed with the run.

The site's variables in the environment of whoever runs the tests are ignored. Each worker of pytest-xdist has a home of
its own, and so a database server and storages of its own; programs that tests start inherit the home of their worker.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from tests.paths import OWN_HOME

if OWN_HOME not in os.environ:
    os.environ[OWN_HOME] = tempfile.mkdtemp(prefix="htsgetsite-test-")
    # Registered before anything starts the embedded PostgreSQL, and so run after that has stopped.
    atexit.register(shutil.rmtree, os.environ[OWN_HOME], ignore_errors=True)
    # pytest closes its usual folder to other accounts at every start, also to the embedded servers of another run.
    os.environ["PYTEST_DEBUG_TEMPROOT"] = os.environ[OWN_HOME]
os.environ["HTSGETSITE_HOME"] = str(Path(os.environ[OWN_HOME], os.environ.get("PYTEST_XDIST_WORKER", "home")))
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
THROTTLE_TICKETS_USER = THROTTLE_TICKETS_ADDRESS = THROTTLE_FAILURES = None
THROTTLE_GRAPHQL_USER = THROTTLE_GRAPHQL_ADDRESS = None
THROTTLE_SIGN_IN = THROTTLE_SIGN_IN_ACCOUNT = None
