"""From a ticket's URLs to bytes: signs data URLs, checks them, and sends what they name.

Imports `catalogue.queries` and the errors of htsget; plans nothing.
"""
