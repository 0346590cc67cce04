"""Sequence collections 1.0.0 over the catalogue's collections, and downloads.

Imports `catalogue.queries` and `ga4gh`, nothing below them, and never another protocol.
"""
