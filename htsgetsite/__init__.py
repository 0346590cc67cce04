"""The site: settings, addresses, health, the server process and the embedded database.

It knows every room and is known by none; it holds no rule of a protocol or of the catalogue.
"""

#: The version of this software, which each service-info document tells.
__version__ = "0.1.0"
