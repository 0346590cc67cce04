"""Plans the parts of a ticket: which bytes of the stored file answer a request (HTSGET.md, "The idea").

`selection` determines which records are requested and allowed, `plan` chooses the planner of the format. Imports
`catalogue.queries` and `catalogue.formats`; reads bytes only through the `read_range` it is given.
"""
