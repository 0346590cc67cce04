"""Registers the files of manifests: finds what the rows name, moves files between datasets, and registers the rest.

Imports `catalogue.ingest.files`, models, storage and formats.
"""
