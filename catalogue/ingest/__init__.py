"""Writes of the catalogue: sequences, reads and variants are registered here and nowhere else.

May import queries, models, storage and formats; faces (commands, admin) call it.
"""
