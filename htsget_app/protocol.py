"""Declares htsget: its paths, its two services and its errors (htsget 1.3, "GA4GH service-info").

Service-info gives the formats of each service, and whether `fields` and `tags` have an effect.
"""

from typing import Final

from catalogue.formats.spec import FileKind
from ga4gh.protocol import Protocol
from ga4gh.service_info import Service
from htsget_app.errors import ROWS, error_document
from htsget_app.media_types import VERSIONS
from htsget_app.openapi import openapi
from htsget_app.params import FORMATS

_ABOUT: Final = {"reads": "Alignment data (BAM, CRAM)", "variants": "Variant data (VCF, BCF)"}


def _service(kind: str) -> Service:
    details = {
        "datatype": kind,
        "formats": [format.value for format in FORMATS[kind]],
        # The fields and tags are those of alignment records.
        "fieldsParameterEffective": kind == FileKind.READS,
        "tagsParametersEffective": kind == FileKind.READS,
    }
    return Service(
        artifact="htsget",
        version=VERSIONS[0],
        documentation_url="https://samtools.github.io/hts-specs/htsget.html",
        path=f"/{kind}",
        kind=kind,
        about=f"{_ABOUT[kind]} over htsget.",
        details=lambda: {"htsget": details},
    )


PROTOCOL: Final = Protocol(
    name="htsget",
    paths=("/reads/", "/variants/", "/data/", "/services"),
    services=tuple(map(_service, FORMATS)),
    errors=ROWS,
    error_document=error_document,
    openapi=openapi,
    methods="GET, HEAD, POST, OPTIONS",
)
