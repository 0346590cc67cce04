"""What every GA4GH protocol needs of HTTP: service-info, Accept, Range, ETag, CORS, errors, bearer challenges, audit.

A protocol declares its paths, errors and services as a `Protocol`, and its views return an `Answer`; nothing above this
package parses a header. May import `catalogue.access`, `audit`, `errors`, `queries`, `rate_limits` and
`request_context`; never models, storage, formats or a protocol.
"""
