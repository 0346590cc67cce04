"""From a request to the parts of its ticket: which bytes of the stored file answer it (HTSGET.md, "The idea").

`selection` says which records are wanted and allowed, `plan` chooses the planner of the format. Imports
`catalogue.queries` and `catalogue.formats`; reads bytes only through the `read_range` it is given.
"""
