"""Registers sequences: one streaming pass over each FASTA file, then its blobs, then one transaction.

Imports models, storage and formats.
"""
