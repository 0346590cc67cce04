"""Does jobs in the process of a test, as a worker would."""

from catalogue.jobs.parts import work_part
from catalogue.models import IngestRun, RunPart


def do_job(row: IngestRun, *, order: str = "number") -> IngestRun:
    """Do all parts of a job, one after the other in this order; return the run as it is then."""
    while (part := RunPart.objects.filter(run=row).order_by(order).first()) is not None:
        before = part.attempts
        work_part(part.pk)
        after = RunPart.objects.filter(pk=part.pk).first()
        assert after is None or after.attempts > before, f"{part} {part.step} was left as it was"
    return IngestRun.objects.get(pk=row.pk)
