"""A PostgreSQL of the site's own, for when `DATABASE_URL` names none.

`server` owns its life: made and started by the first process that connects, stopped with the last. `watchdog` is the
small process that stops it when the last user was killed. `base` is the Django database backend on top; as a backend it
has to lie in a module of that name. Nothing here runs before a connection is wanted.
"""
