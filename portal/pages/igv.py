"""What the page of a file tells igv.js, and the policy under which it may run there."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from catalogue.errors import NotFound
from catalogue.queries import StoredFile, data_origin, file_references
from catalogue.queries.file_details import Place
from catalogue.queries.gene_details import annotated_region
from portal.links import file_path
from portal.regions import TypedRegion

#: Digests of the two style sheets that igv.js puts into a page as it loads; a test computes them from its source.
STYLES: Final = (
    "sha256-ITHmamcImsZ/Je1xrdtDLZVvRSpj1Zokb6uHXORB824=",
    "sha256-NTwDUA6nIvRRpI2lIBtHJqkV0TlTj4HVmI6vI81fIfM=",
)
_TRACKS: Final[Mapping[str, Mapping[str, Any]]] = {
    "reads": {"type": "alignment", "format": "bam", "visibilityWindow": 40_000},
    "variants": {"type": "variant", "format": "vcf", "visibilityWindow": 500_000},
}


def policy(stored: StoredFile, base: str) -> str:
    """Return the Content-Security-Policy of a page with igv.js.

    Beyond that of other pages it allows the two style sheets of igv.js by their digests, images made in the page, and
    data from where tickets for the file point: this site by its public address, and an object store.
    """
    origin = data_origin(stored)
    sources = " ".join(["'self'", base, *([origin] if origin else [])])
    styles = " ".join(f"'{digest}'" for digest in STYLES)
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' {styles}; img-src 'self' data: blob:; "
        f"connect-src {sources}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def configuration(stored: StoredFile, place: Place, *, public: bool) -> dict[str, Any]:
    """Return the reference, the track and the place that igv.js opens. Addresses are paths of this site.

    Reads are asked for as BAM and variants as VCF, which igv.js reads by htsget; the site converts CRAM and BCF.
    """
    name = stored.htsget_id
    return {
        "reference": {"id": name, "name": f"Contigs of {name}", **_reference(stored)},
        "locus": str(TypedRegion(place.contig, place.start, place.end)).replace(",", ""),
        "track": {
            "name": name,
            "sourceType": "htsget",
            "url": f"/{stored.kind}/{quote(name, safe='/')}",
            **_TRACKS[stored.kind],
        },
        "genes": _genes(stored),
        "file": None if public else {"kind": stored.kind, "id": name, "format": stored.format},
    }


def _genes(stored: StoredFile) -> str | None:
    """Return the address of the track of genes; None where no genome is annotated on a contig of the file."""
    if annotated_region(stored, "") is None:
        return None
    return file_path(stored.kind, stored.htsget_id, format=stored.format, **{"as": "genes"})


def _reference(stored: StoredFile) -> dict[str, str]:
    """Return the addresses of the reference: with residues where all are held here and open to the viewer."""

    def address(wanted: str) -> str:
        return file_path(stored.kind, stored.htsget_id, format=stored.format, **{"as": wanted})

    try:
        file_references.file_reference(stored)
    except NotFound:
        return {"chromSizesURL": address("sizes")}
    return {"fastaURL": address("fa"), "indexURL": address("fai")}
