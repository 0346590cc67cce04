"""All kinds of jobs. A new kind is one entry here."""

from catalogue.jobs.annotation import annotation_kind
from catalogue.jobs.changes import change_kinds
from catalogue.jobs.files import file_kinds
from catalogue.jobs.kinds import register
from catalogue.jobs.maintenance import maintenance_kinds
from catalogue.jobs.manifests import manifest_kind
from catalogue.jobs.sequences import sequence_kinds


def register_all() -> None:
    """Make every kind known."""
    register(
        [
            *file_kinds(),
            *sequence_kinds(),
            manifest_kind(),
            annotation_kind(),
            *maintenance_kinds(),
            *change_kinds(),
        ]
    )
