"""Builds documents of GA4GH service-info 1.0.0 and service registry 1.0.0.

The operator's part comes from the `SERVICE_…` settings, the protocol's part from its `Service`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from django.conf import settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service of the site; `version` is that of the specification.

    `kind` distinguishes services of one protocol, such as `reads`. `path` is the URL path of the service, `about` a
    sentence for its description, and `details` are the keys of its service-info besides those of the standard. `group`
    is who defined the protocol, as a reversed domain name.
    """

    artifact: str
    version: str
    documentation_url: str
    group: str = "org.ga4gh"
    path: str = ""
    kind: str = ""
    about: str = ""
    details: Callable[[], Mapping[str, object]] = field(default=dict)

    def info(self) -> dict[str, object]:
        """Return the service-info document."""
        return {**self._described(), **self.details()}

    def registry_entry(self, site_url: str) -> dict[str, object]:
        """Return the entry of the service registry; `site_url` has no trailing slash."""
        return {**self._described(), "url": site_url + self.path}

    def _described(self) -> dict[str, object]:
        contact = {"contactUrl": settings.SERVICE_CONTACT_URL} if settings.SERVICE_CONTACT_URL else {}
        return {
            "id": f"{settings.SERVICE_ID}.{self.kind}" if self.kind else settings.SERVICE_ID,
            "name": f"{settings.SERVICE_NAME}: {self.kind}" if self.kind else settings.SERVICE_NAME,
            "type": {"group": self.group, "artifact": self.artifact, "version": self.version},
            "description": f"{settings.SERVICE_DESCRIPTION} {self.about}".strip(),
            "organization": {
                "name": settings.SERVICE_ORGANIZATION_NAME,
                "url": settings.SERVICE_ORGANIZATION_URL,
            },
            **contact,
            "documentationUrl": self.documentation_url,
            "environment": settings.SERVICE_ENVIRONMENT,
            "version": settings.SERVICE_VERSION,
        }
