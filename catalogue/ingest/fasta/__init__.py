"""Registers sequences: one streaming pass over a FASTA file, blobs put in place, one transaction a file.

Imports models, storage and formats.
"""
