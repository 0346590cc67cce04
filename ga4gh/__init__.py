"""The HTTP layer of all GA4GH protocols: service-info, Accept, Range, ETag, CORS, errors, bearer challenges, audit.

A protocol declares its paths, errors and services as a `Protocol`, and its views return an `Answer`; packages above
this one parse no headers. May import `catalogue.access`, `audit`, `errors`, `queries`, `rate_limits` and
`request_context`; never models, storage, formats or a protocol.
"""
