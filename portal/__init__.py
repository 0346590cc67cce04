"""The front door for people: pages that find, describe and show what the catalogue holds.

May import the catalogue's queries and access, `ga4gh`, and nothing of the protocols: pages link to their paths.
"""
