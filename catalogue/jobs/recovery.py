"""Finds parts whose worker was killed or lost the database, and queues them for another one."""

import logging

from django.db import transaction

from catalogue.jobs.locks import part_lock
from catalogue.jobs.queue import forget_ended, queue_parts, queued
from catalogue.models import RunPart

log = logging.getLogger(__name__)


def recover() -> int:
    """Queue the parts that neither wait in the queue nor are worked on; return how many.

    Any number of workers may do this at any time: a part that is queued twice is done once.
    """
    forget_ended()
    parts = {part.pk: part for part in RunPart.objects.all()}
    lost = [parts[pk] for pk in sorted(parts.keys() - queued(list(parts)))]
    count = 0
    for part in lost:
        with part_lock(part.pk) as free, transaction.atomic():
            # It may have been done, or queued by another worker, since it was listed.
            if free is not None and RunPart.objects.filter(pk=part.pk).exists() and not queued([part.pk]):
                queue_parts([part])
                count += 1
                log.warning("run %s: part %s lost its worker, and is queued again", part.run_id, part.number)
    return count
