"""What every test may use. The run has a home and an embedded PostgreSQL of its own: see tests/settings.py."""

from tests.object_store import object_store as object_store
from tests.object_store import running_object_store as running_object_store
from tests.object_store import stored_in_s3 as stored_in_s3
from tests.simulated_time import simulated_time as simulated_time
