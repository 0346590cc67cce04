"""Authentication: turn the bearer credentials of a request into a `catalogue.access.Viewer`, and sign people in.

REST framework calls `bearer`. `site_tokens` checks the site's own tokens, `jwt_tokens` those of trusted issuers,
`passports` the visas in them; `keys` fetches the public keys. `sign_in` opens sessions for the pages; bearer
authentication ignores cookies. Permissions are decided in `catalogue.access`.
"""
