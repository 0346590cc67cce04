"""The data stewards' pages. What defines itself (digests, lengths, places) is shown, never edited.

One module a subject; importing them registers their pages. Who may manage what is decided in `catalogue.access`.
"""

from catalogue.admin import access, accounts, audit, files, runs, sequences
from catalogue.admin.base import EstimatingPaginator

__all__ = ["EstimatingPaginator", "access", "accounts", "audit", "files", "runs", "sequences"]
