"""Who asks: from the bearer credentials of a request to a `catalogue.access.Viewer`. Cookies are never looked at here.

`bearer` is the face that REST framework calls; `api_tokens` knows the site's own tokens, `jwt_tokens` those of trusted
issuers, `passports` the visas in them, `keys` fetches what they are checked with. What is allowed is decided elsewhere.
"""
