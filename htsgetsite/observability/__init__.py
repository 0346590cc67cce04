"""What operators watch: measurements of requests, the access log, `/metrics`, and traces.

`catalogue.metrics` declares every metric. Every room may count into them; this one observes whole requests and
statements of the database, and serves what was counted.
"""
