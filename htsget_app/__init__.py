"""The htsget protocol: reads and variants by id and region, as tickets of parts whose bytes concatenate to a file.

`params` parses a request, `tickets` answers it: `planning` decides which parts, `delivery` sends those behind data
URLs. Views parse, call one function and respond. Imports `ga4gh` and the catalogue, never another protocol.
"""
