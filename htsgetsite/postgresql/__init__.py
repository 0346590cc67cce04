"""The database backend: Django's for PostgreSQL, which notices lost connections by itself."""
