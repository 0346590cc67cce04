"""The refget protocol, versions 0.2 to 2.0.0, over the catalogue's sequences.

Answers are made without a framework (`answers`), so that the Django views and the fast path in front of Django cannot
differ. Imports `ga4gh` and, of the catalogue, `queries`, `access`, `audit` and `errors`; never another protocol.
"""
