"""The representations of sequences and documents (refget 2.0.0, "Internet Media Types Handling").

Versions 0.2 and 1.0.0 share the types of 1.0.0. Version 1 is sent only to clients that name it.
"""

from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus

from ga4gh.accept import Offer, OfferT, choose
from ga4gh.errors import RequestError


class Form(Enum):
    """How residues are written."""

    PLAIN = "plain"
    FASTA = "fasta"
    JSON = "json"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Representation(Offer):
    """An offer in one form; `legacy` says that the layout is that of version 1."""

    form: Form
    legacy: bool = False


def _versions(media_type: str, form: Form, degraded: str) -> tuple[Representation, ...]:
    newest = Representation(
        media_type=media_type.format("2.0.0"), form=form, tag=f"{form.value}-2.0.0", also=(degraded,)
    )
    older = (
        Representation(
            media_type=media_type.format(version),
            form=form,
            tag=f"{form.value}-{version}",
            explicit=True,
            legacy=True,
        )
        for version in ("1.0.1", "1.0.0")
    )
    return newest, *older


#: Representations of sequences, the preferred first.
SEQUENCE = (
    *_versions("text/vnd.ga4gh.refget.v{}+plain", Form.PLAIN, "text/plain"),
    Representation(media_type="text/x-fasta", form=Form.FASTA, tag="fasta"),
    Representation(media_type="application/json", form=Form.JSON, tag="json"),
)
#: Representations of metadata and service-info.
DOCUMENT = _versions("application/vnd.ga4gh.refget.v{}+json", Form.JSON, "application/json")


def chosen(offers: tuple[OfferT, ...], accept: str) -> OfferT:
    """Return the offer that an Accept header prefers. Raises RequestError (406) if it accepts none."""
    offer = choose(offers, accept)
    if offer is None:
        types = ", ".join(offer.media_type for offer in offers)
        message = f"nothing that is accepted can be sent; this can: {types}"
        raise RequestError(message, status=HTTPStatus.NOT_ACCEPTABLE)
    return offer
