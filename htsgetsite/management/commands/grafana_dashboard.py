"""`manage.py grafana_dashboard`: print the dashboard of the site's metrics for Grafana."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from htsgetsite.observability.dashboard import dashboard


class Command(BaseCommand):
    """Print the dashboard that is also in `deploy/grafana.json`."""

    help = "Print a Grafana dashboard of the metrics of /metrics, to be imported there."
    requires_system_checks = ()

    def handle(self, **_: Any) -> None:
        """Print JSON."""
        self.stdout.write(json.dumps(dashboard(), indent=2))
