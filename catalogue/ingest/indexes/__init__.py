"""Builds, reads and verifies the index of a data file. Imports `catalogue.formats` and pysam; uses no database."""
