"""The htsget protocol: reads and variants by id and genomic region, as tickets of blocks whose bytes join
to a file.

`tickets` decides which blocks, purely; views parse, ask `catalogue.queries`, and respond. Imports the
catalogue, never the other protocol.
"""
