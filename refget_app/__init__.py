"""The refget protocol, versions 0.2 to 2.0.0, over the catalogue's sequences.

Answers are made without a framework (`answers`), so that the Django views and the WSGI layer in front of Django
(`door`) cannot differ. Imports `catalogue.queries` and `catalogue.errors`, nothing below them, and never htsget.
"""
