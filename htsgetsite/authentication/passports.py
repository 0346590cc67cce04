"""Check the visas of a GA4GH passport (GA4GH Passports 1.2).

Each visa is a token of its own. Its issuer must be trusted for visas in the settings, and its key must come from an
address that they list for the issuer. A visa with conditions counts only if other visas meet them; these must be of the
same identity or of one that a LinkedIdentities visa links to it ("Passport Visa Fields", "conditions").
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

from catalogue.access import Visa
from htsgetsite.authentication.issuers import VisaIssuer
from htsgetsite.authentication.keys import KeysUnavailable
from htsgetsite.authentication.signatures import NotValid, unverified, verified

CLAIM: Final = "ga4gh_passport_v1"
#: Further visas of a passport are ignored.
MAX_VISAS: Final = 200
_MAX_CONDITIONS: Final = 100
_MAX_TEXT: Final = 255

#: The visa types that the site uses (GA4GH Passport 1.2, "Standard Passport Visa Type Definitions").
TYPES: Final = frozenset(
    {"ControlledAccessGrants", "AcceptedTermsAndPolicies", "ResearcherStatus", "AffiliationAndRole"}
)
_LINKED: Final = "LinkedIdentities"
_NEEDS_BY: Final = frozenset({"ControlledAccessGrants", "AcceptedTermsAndPolicies"})
#: The fields of a visa that a condition may test.
_FIELDS: Final = frozenset({"value", "source", "by"})

Identity = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Held:
    """A visa with a valid signature, issuer and times, whose conditions are not checked yet."""

    visa: Visa
    subject: str
    by: str
    conditions: Any

    @property
    def identity(self) -> Identity:
        return self.visa.issuer, self.subject


def visas(passport: Any, *, issuers: Mapping[str, VisaIssuer]) -> tuple[tuple[Visa, ...], list[str]]:
    """Return the valid visas of a `ga4gh_passport_v1` claim, and a message for each invalid one.

    Raises KeysUnavailable if no visa is valid and the keys of an issuer could not be fetched.
    """
    faults: list[str] = []
    held: list[_Held] = []
    unavailable: KeysUnavailable | None = None
    for token in passport[:MAX_VISAS] if isinstance(passport, list) else ():
        try:
            held.append(_visa(token, issuers))
        except NotValid as fault:
            faults.append(str(fault))
        except KeysUnavailable as fault:
            unavailable = fault
            faults.append("the keys of the issuer of a visa cannot be fetched")
    linked = _linked(held)
    counting = []
    for each in held:
        if each.visa.type not in TYPES:
            continue
        if _met(each, held, linked):
            counting.append(each.visa)
        else:
            faults.append(f"the conditions of a {each.visa.type} visa are not met")
    if unavailable is not None and not counting:
        raise unavailable
    return tuple(counting), faults


def _visa(token: Any, issuers: Mapping[str, VisaIssuer]) -> _Held:
    if not isinstance(token, str):
        raise NotValid("a visa is not a string")
    header, claimed = unverified(token)
    issuer = issuers.get(claimed.get("iss", "")) if isinstance(claimed.get("iss"), str) else None
    if issuer is None:
        raise NotValid("the issuer of a visa is not trusted here")
    address = header.get("jku", issuer.key_urls[0])
    if address not in issuer.key_urls:
        raise NotValid("the settings do not list the jku of a visa for its issuer")
    claims = verified(
        token,
        keys_url=address,
        issuer=issuer.url,
        audiences=None,
        algorithms=issuer.algorithms,
        required=("iat", "sub"),
    )
    content = claims.get("ga4gh_visa_v1")
    if not isinstance(content, dict):
        raise NotValid("a visa has no ga4gh_visa_v1 claim")
    texts = {name: content.get(name, "") for name in ("type", "value", "source", "by")}
    if not all(isinstance(text, str) for text in texts.values()) or not _number(content.get("asserted")):
        raise NotValid("a visa has a missing or malformed field")
    type, value, source, by = texts.values()
    if not (type and value and source) or (type in _NEEDS_BY and not by):
        raise NotValid("a visa lacks a required field")
    # The value of a LinkedIdentities visa is a list and may be long; all other values are addresses or roles.
    if len(source) > _MAX_TEXT or (len(value) > _MAX_TEXT and type != _LINKED):
        raise NotValid(f"the value or source of a visa is longer than {_MAX_TEXT} characters")
    if not isinstance(claims["sub"], str) or not claims["sub"]:
        raise NotValid("a visa has no usable subject")
    return _Held(
        visa=Visa(type=type, value=value, source=source, issuer=issuer.url, expires=float(claims["exp"])),
        subject=claims["sub"],
        by=by,
        conditions=content.get("conditions"),
    )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _linked(held: Iterable[_Held]) -> list[set[Identity]]:
    """Return sets of identities that are the same person, as LinkedIdentities visas without conditions say."""
    groups: list[set[Identity]] = []
    for each in held:
        if each.visa.type != _LINKED or each.conditions:
            continue
        group = {each.identity}
        for entry in each.visa.value.split(";"):
            subject, comma, issuer = entry.partition(",")
            if comma:
                group.add((unquote(issuer), unquote(subject)))
        apart = [other for other in groups if not other & group]
        groups = [*apart, group.union(*(other for other in groups if other & group))]
    return groups


def _met(visa: _Held, held: Collection[_Held], linked: Collection[set[Identity]]) -> bool:
    """Return whether other visas of the same person meet the conditions of a visa, an OR of ANDs."""
    if visa.conditions is None or visa.conditions == []:
        return True
    if not isinstance(visa.conditions, list) or len(visa.conditions) > _MAX_CONDITIONS:
        return False
    same = {visa.identity}.union(*(group for group in linked if visa.identity in group))
    others = [each for each in held if not each.conditions and each.identity in same]
    return any(
        isinstance(clauses, list)
        and 0 < len(clauses) <= _MAX_CONDITIONS
        and all(_clause_met(clause, others) for clause in clauses)
        for clauses in visa.conditions
    )


def _clause_met(clause: Any, others: Iterable[_Held]) -> bool:
    """Return whether one visa matches all fields of a clause, which must be its type and at least one more."""
    if not isinstance(clause, dict) or not all(isinstance(wanted, str) for wanted in clause.values()):
        return False
    fields = clause.keys() - {"type"}
    if "type" not in clause or not fields or not fields <= _FIELDS:
        return False
    return any(
        other.visa.type == clause["type"]
        and all(_matches(clause[name], _field(other, name)) for name in fields)
        for other in others
    )


def _field(held: _Held, name: str) -> str:
    return {"value": held.visa.value, "source": held.visa.source, "by": held.by}[name]


def _matches(wanted: str, text: str) -> bool:
    how, _, pattern = wanted.partition(":")
    match how:
        case "const":
            return text == pattern
        case "pattern":
            return _expression(pattern).fullmatch(text) is not None
        case "split_pattern":
            return any(_expression(pattern).fullmatch(piece) for piece in text.split(";"))
        case _:
            return False


@lru_cache(maxsize=256)
def _expression(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in which `?` matches any one character and `*` any number of them; there is no escape.

    Atomic groups prevent backtracking, which takes exponential time for many asterisks. They lose no match: the first
    place where the letters after an asterisk occur leaves the most text for the rest of the pattern.
    """
    first, *rest = (_letters(piece) for piece in pattern.split("*"))
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    return re.compile(first + "".join(f"(?>.*?{piece})" for piece in middle) + f".*{last}", re.DOTALL)


def _letters(piece: str) -> str:
    return "".join("." if letter == "?" else re.escape(letter) for letter in piece)
