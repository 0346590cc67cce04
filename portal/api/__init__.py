"""The catalogue API: what the catalogue holds, as JSON for programs, and the OpenAPI document of the whole site."""
