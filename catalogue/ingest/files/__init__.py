"""Registers reads and variants: finds the files, reads them in worker processes, writes one transaction per file.

Imports `catalogue.ingest.indexes`, models, storage and formats.
"""
