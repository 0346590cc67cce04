"""Whether an account may still start what a run did: asked before a preview is started, and before a retry."""

from django.http import HttpRequest

from catalogue.admin.manifests import check_manifests
from catalogue.admin.registration import NotAllowed, check_files
from catalogue.admin.roles import admin_of
from catalogue.admin.sequence_registration import check_sequences
from catalogue.ingest.fasta.ingest import COMMAND as FASTA
from catalogue.ingest.files.options import COMMANDS
from catalogue.ingest.manifests.ingest import COMMAND as MANIFEST
from catalogue.jobs.changes import INDEX_FILES, VERIFY_FILES
from catalogue.models import DataFile, IngestRun


def check_run(request: HttpRequest, row: IngestRun) -> None:
    """Raise NotAllowed unless the account may start the run's job anew, by the rules of this moment."""
    arguments = {**row.arguments, **(row.attachment or {})}
    if row.command in COMMANDS.values():
        check_files(request, arguments)
    elif row.command == FASTA:
        check_sequences(request, arguments)
    elif row.command == MANIFEST:
        check_manifests(request, arguments)
    elif row.command in (VERIFY_FILES, INDEX_FILES):
        files = DataFile.objects.filter(pk__in=arguments.get("files", ()))
        if admin_of(DataFile).changeable(request, files).count() != files.count():
            raise NotAllowed("You may not do this with every one of these files.")
    elif not request.user.has_perm("catalogue.change_ingestrun"):
        raise NotAllowed("Only an administrator of the catalogue can start this again.")
