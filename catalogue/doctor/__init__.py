"""Examines a running site for operators: what works, what does not, and what to do about it.

Reads what the site reads, and writes a probe to the storages that the site writes to. May import everything in the
catalogue but its faces.
"""

from catalogue.doctor.examination import CHECKS, examine
from catalogue.doctor.findings import Finding, Level

__all__ = ["CHECKS", "Finding", "Level", "examine"]
