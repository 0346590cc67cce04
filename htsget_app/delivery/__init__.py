"""Signs and verifies data URLs, and delivers their bytes.

Imports `catalogue.queries` and the errors of htsget; plans nothing.
"""
