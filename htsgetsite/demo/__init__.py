"""A small demonstration genome that the project makes itself, and what it takes to show it.

`genome` makes the same residues on every machine; `data` writes them as files below the home and ingests them with the
commands that a steward would use.
"""
