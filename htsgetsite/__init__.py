"""The site: settings, URLs, health, the server process and the embedded database.

It may import every package, and none imports it. It holds no rule of a protocol or of the catalogue.
"""

#: The version of this software, as service-info documents give it.
__version__ = "0.2.0"
