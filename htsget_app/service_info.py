"""What the two htsget services say of themselves (htsget 1.3, "GA4GH service-info", "GA4GH Service Registry").

The truth of each: which formats, and that `fields` and `tags` do not thin the answer out.
"""

from dataclasses import dataclass

from htsget_app.media_types import VERSIONS
from htsget_app.params import FORMATS

_WHAT = {"reads": "Alignment data (BAM, CRAM)", "variants": "Variant data (VCF, BCF)"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What an operator says of the whole site; `version` is that of the program."""

    id: str
    name: str
    description: str
    organization_name: str
    organization_url: str
    contact_url: str
    environment: str
    version: str


def service_info(service: Service, kind: str) -> dict[str, object]:
    """The document of `/reads/service-info` or `/variants/service-info`."""
    return {
        **_described(service, kind),
        "documentationUrl": "https://samtools.github.io/hts-specs/htsget.html",
        "environment": service.environment,
        "htsget": {
            "datatype": kind,
            "formats": [format.value for format in FORMATS[kind]],
            "fieldsParameterEffective": False,
            "tagsParametersEffective": False,
        },
    }


def registry_entries(service: Service, *, base_url: str) -> list[dict[str, object]]:
    """The two entries of `/services`; `base_url` is where clients reach the site, without a slash at its end."""
    return [{**_described(service, kind), "url": f"{base_url}/{kind}"} for kind in FORMATS]


def _described(service: Service, kind: str) -> dict[str, object]:
    described: dict[str, object] = {
        "id": f"{service.id}.{kind}",
        "name": f"{service.name}: {kind}",
        "type": {"group": "org.ga4gh", "artifact": "htsget", "version": VERSIONS[0]},
        "description": f"{service.description} {_WHAT[kind]} over htsget.".strip(),
        "organization": {"name": service.organization_name, "url": service.organization_url},
        "version": service.version,
    }
    if service.contact_url:
        described["contactUrl"] = service.contact_url
    return described
