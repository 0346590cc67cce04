"""Registers reads and variants: finds the files, reads each in a process of its own, writes one transaction a file.

Imports `catalogue.ingest.indexes`, models, storage and formats.
"""
