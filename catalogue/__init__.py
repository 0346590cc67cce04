"""The data: what is registered, where its bytes lie, who may see it.

Reads go through `queries`, writes through `ingest`; `formats` is pure. Nothing here knows HTTP or either protocol.
"""
