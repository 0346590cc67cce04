"""Writes of the catalogue: sequences, names, reads and variants are registered here and nowhere else.

An ingest takes `Options`, tells an `Observer`, and returns an `IngestResult` (`outcomes`). May import queries, models,
storage and formats; commands, jobs and the admin call it.
"""
