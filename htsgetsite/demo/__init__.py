"""A small simulated genome, with reads and variants, for demonstrations.

`genome` makes the same residues on every machine, and `annotation` the lines of its genes; `variation`, `reads` and
`calls` make the variants and files; `data` writes the files below the home and ingests them with the commands that a
steward would use.
"""
