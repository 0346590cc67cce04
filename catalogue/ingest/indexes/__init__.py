"""Builds, reads and proves the index of a data file. Imports `catalogue.formats` and pysam; touches no database."""
