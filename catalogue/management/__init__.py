"""The catalogue's command line: thin faces of `catalogue.ingest`."""
