"""Ingests: the only place that registers sequences, aliases, reads and variants.

An ingest takes `Options`, reports progress to an `Observer`, and returns an `IngestResult` (`outcomes`). May import
queries, models, storage and formats; commands, jobs and the admin call it.
"""
