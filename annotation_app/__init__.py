"""Annotation by GraphQL: genomes, genes, transcripts and products, in the shape that Ensembl publishes.

`schema/` has the types, `types/` an object for each, `execution` runs a query within the limits. Imports
`catalogue.queries` and `ga4gh`, nothing below them, and never another protocol.
"""
