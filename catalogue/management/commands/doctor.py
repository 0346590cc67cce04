"""`manage.py doctor`: examines the site, and says what to do about what it finds."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from catalogue.doctor import CHECKS, Finding, Level, examine
from catalogue.management.reporting import ReportingCommand, counted


class Command(ReportingCommand):
    help = (
        "Examine settings, database, migrations, storages, clocks, disk space, workers, files and orphaned objects, and"
        " say what to do about each."
    )
    # It reports what the system checks say, instead of not starting.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--only", action="append", choices=list(CHECKS), help="this check; may be repeated (default: all)"
        )
        parser.add_argument("--strict", action="store_true", help="also fail for warnings")
        super().add_arguments(parser)

    def handle(self, *, only: list[str] | None, strict: bool, **options: Any) -> None:
        """Print findings as they come. Raises CommandError for a failure, with `strict` for a warning."""
        found: list[Finding] = []
        for finding in examine(only or CHECKS):
            found.append(finding)
            if not options["json"]:
                self.stdout.write(self._line(finding))
        counts = Counter(finding.level for finding in found)
        failed = bool(counts[Level.FAILURE] or (strict and counts[Level.WARNING]))
        summary = (
            f"{counts[Level.OK]:,} ok, {counted(counts[Level.WARNING], 'warning')},"
            f" {counted(counts[Level.FAILURE], 'failure')}"
        )
        document = {
            "failed": failed,
            "findings": [asdict(finding) for finding in found],
            "counts": {level.value: counts[level] for level in Level},
        }
        self.report(summary, document, failed=failed, as_json=options["json"])

    def _line(self, finding: Finding) -> str:
        styles = {
            Level.OK: self.style.SUCCESS,
            Level.WARNING: self.style.WARNING,
            Level.FAILURE: self.style.ERROR,
        }
        line = f"{styles[finding.level](f'{finding.level:8}')} {finding.subject}: {finding.message}"
        return f"{line}\n         {finding.remedy}" if finding.remedy else line
