"""A small simulated genome, with reads and variants, for demonstrations.

`genome` makes the same residues on every machine; `variation`, `reads` and `calls` make the variants and files; `data`
writes the files below the home and ingests them with the commands that a steward would use.
"""
