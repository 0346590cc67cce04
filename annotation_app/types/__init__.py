"""The objects behind the types of the schema: a class for each type, with an attribute for each field.

A field with arguments is a method. An empty text of the catalogue is null in an answer. Positions are 0-based and
half-open in the catalogue; here, in `places`, they become 1-based and closed.
"""
