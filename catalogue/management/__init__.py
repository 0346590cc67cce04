"""The commands of the catalogue. They parse options and print results; `catalogue.ingest` does the work."""
