"""What the service says of itself: GA4GH service-info 1.0.0 with refget's part, and the layout of refget 1.

Every key is always there, so that a client need not ask which are.
"""

from dataclasses import dataclass

VERSIONS = ("0.2", "1.0.0", "1.0.1", "2.0.0")
ALGORITHMS = ("md5", "trunc512", "ga4gh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What an operator says of the service, and its limit on parts of a sequence, in residues."""

    id: str
    name: str
    description: str
    organization_name: str
    organization_url: str
    contact_url: str
    documentation_url: str
    environment: str
    version: str
    limit: int | None


def service_info(service: Service, authorities: list[str], *, legacy: bool) -> dict[str, object]:
    """The document; `authorities` are those whose names are identifiers here."""
    refget: dict[str, object] = {
        "circular_supported": True,
        "algorithms": list(ALGORITHMS),
        "subsequence_limit": service.limit,
        "supported_api_versions": list(VERSIONS),
    }
    if legacy:
        return {"service": refget}
    return {
        "id": service.id,
        "name": service.name,
        "type": {"group": "org.ga4gh", "artifact": "refget", "version": VERSIONS[-1]},
        "description": service.description,
        "organization": {"name": service.organization_name, "url": service.organization_url},
        "contactUrl": service.contact_url,
        "documentationUrl": service.documentation_url,
        "environment": service.environment,
        "version": service.version,
        "refget": {**refget, "identifier_types": authorities},
    }
