#!/usr/bin/env python
"""Django's command line for this site."""

import os
import sys


def main() -> None:
    """Run a command.

    A setting that cannot be used ends it with a sentence and status 2, Ctrl-C with 130, and the end of whoever reads
    its output (`| head`) with 141.
    """
    if sys.argv[1:] in (["version"], ["--version"]):
        from htsgetsite import __version__

        print(f"htsgetsite {__version__}")
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "htsgetsite.settings")
    if sys.argv[1:2] in (["serve"], ["demo"], ["work"]):
        # Before anything declares a metric.
        from htsgetsite.observability.process_files import share_metrics

        share_metrics()
    from django.core.management import execute_from_command_line

    from htsgetsite.environment import EnvironmentProblem

    try:
        execute_from_command_line(sys.argv)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is left in the buffer has nowhere to go when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except EnvironmentProblem as problem:
        print(f"These settings cannot be used (see docs/settings.md):\n{problem}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
