"""Warms up a process: makes a first ticket before the first request.

Much is loaded at first use: prepared queries, parts of numpy and of the compression library, caches. Without this the
first answer of a worker takes five times as long as its second.
"""

import logging

from django.db import Error as DatabaseError

from catalogue.access import ANONYMOUS
from catalogue.errors import CatalogueError
from catalogue.queries.examples import small_public_file
from htsget_app.delivery.urls import part_urls
from htsget_app.params import FORMATS, RegionRequest, TicketRequest
from htsget_app.planning.parts import Limits
from htsget_app.tickets import ticket

logger = logging.getLogger(__name__)


def make_first_tickets() -> None:
    """Make a ticket for one position of a small public file of each kind, where there is one, and drop it.

    Does not raise where a file, a storage or the database fails: a worker that could not warm up answers all the same.
    """
    for kind in FORMATS:
        try:
            example = small_public_file(kind=kind)
            if example is not None:
                region = RegionRequest(name=example.contig, start=0, end=1)
                asked = TicketRequest(kind, example.htsget_id, example.format, regions=(region,))
                made = ticket(asked, viewer=ANONYMOUS, limits=Limits())
                made.json(part_urls(made.file, data_url=""))
        except (CatalogueError, DatabaseError) as error:
            logger.warning("the first ticket for %s could not be made: %s", kind, error)
