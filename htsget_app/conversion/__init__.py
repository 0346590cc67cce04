"""Rewrites records with htslib: other fields, tags and formats, and regions exact to the record.

`records` makes headers and bodies of answers, `converter` runs one conversion, `process` is the program that does the
work in processes of its own. Imports `catalogue.queries`, `catalogue.formats`, and the values of
`htsget_app.planning`.
"""
