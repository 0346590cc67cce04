"""What stewards do by the desk and by the API, checked for their account: register, start again, change, grant.

Each function takes the account and the values, checks both, and then calls ingest or jobs, so that history, audit and
the rules of privacy are the same whoever asks. May import jobs, ingest, queries, access and models; the admin and the
portal call it.
"""

from catalogue.stewardship.datasets import change_dataset
from catalogue.stewardship.files import change_file
from catalogue.stewardship.grants import create_grant, remove_grant, role_fault
from catalogue.stewardship.refusals import NotAllowed, Unusable, WriteConflict
from catalogue.stewardship.registration import check_files, check_manifests, check_place
from catalogue.stewardship.runs import (
    SEQUENCE_COMMANDS,
    UPKEEP,
    cancel_run,
    check_run,
    may_keep_up,
    retry_run,
    start_command,
    start_manifest,
    start_previewed,
    start_upkeep,
)
from catalogue.stewardship.sequences import (
    check_sequences,
    check_tables,
    may_register_sequences,
    may_register_tables,
    readable_collections,
)

__all__ = [
    "SEQUENCE_COMMANDS",
    "UPKEEP",
    "NotAllowed",
    "Unusable",
    "WriteConflict",
    "cancel_run",
    "change_dataset",
    "change_file",
    "check_files",
    "check_manifests",
    "check_place",
    "check_run",
    "check_sequences",
    "check_tables",
    "create_grant",
    "may_keep_up",
    "may_register_sequences",
    "may_register_tables",
    "readable_collections",
    "remove_grant",
    "retry_run",
    "role_fault",
    "start_command",
    "start_manifest",
    "start_previewed",
    "start_upkeep",
]
