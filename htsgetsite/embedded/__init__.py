"""The embedded PostgreSQL server, used if `DATABASE_URL` is not set.

`server` creates and starts it when the first process connects, and stops it when the last one ends. `watchdog` is a
small process that stops it if the last user was killed. `base` is the Django database backend; Django requires this
module name. Nothing runs before the first connection.
"""
