"""GA4GH Passports 1.2: which visas of a passport are to be believed.

Every visa is a token of its own, signed by an issuer that the settings trust for visas, with a key of an address that
they list for it. A visa with conditions counts only together with visas that meet them, of the same identity or of one
that a LinkedIdentities visa says is the same ("Passport Visa Fields", "conditions").
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
#: Visas beyond so many of one passport are not looked at.
MAX_VISAS: Final = 200
_MAX_CONDITIONS: Final = 100
_MAX_TEXT: Final = 255

#: The types that have a meaning here (GA4GH Passport 1.2, "Standard Passport Visa Type Definitions").
TYPES: Final = frozenset(
    {"ControlledAccessGrants", "AcceptedTermsAndPolicies", "ResearcherStatus", "AffiliationAndRole"}
)
_LINKED: Final = "LinkedIdentities"
_NEEDS_BY: Final = frozenset({"ControlledAccessGrants", "AcceptedTermsAndPolicies"})
#: What a condition may be about.
_FIELDS: Final = frozenset({"value", "source", "by"})

Identity = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Held:
    """A visa whose signature, issuer and times are right; its conditions are still to be met."""

    visa: Visa
    subject: str
    by: str
    conditions: Any

    @property
    def identity(self) -> Identity:
        return self.visa.issuer, self.subject


def visas(passport: Any, *, issuers: Mapping[str, VisaIssuer]) -> tuple[tuple[Visa, ...], list[str]]:
    """The visas of a `ga4gh_passport_v1` claim that count, and why the others do not.

    Raises KeysUnavailable where none counts and the keys of an issuer could not be had.
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
            faults.append("the issuer of a visa cannot be asked for its keys")
    linked = _linked(held)
    counting = []
    for each in held:
        if each.visa.type not in TYPES:
            continue
        if _met(each, held, linked):
            counting.append(each.visa)
        else:
            faults.append(f"the conditions of a visa {each.visa.type} are not met")
    if unavailable is not None and not counting:
        raise unavailable
    return tuple(counting), faults


def _visa(token: Any, issuers: Mapping[str, VisaIssuer]) -> _Held:
    if not isinstance(token, str):
        raise NotValid("a visa is not a token")
    header, claimed = unverified(token)
    issuer = issuers.get(claimed.get("iss", "")) if isinstance(claimed.get("iss"), str) else None
    if issuer is None:
        raise NotValid("a visa is of an issuer that is not trusted here")
    address = header.get("jku", issuer.key_urls[0])
    if address not in issuer.key_urls:
        raise NotValid("a visa names keys that its issuer is not known to have")
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
        raise NotValid("a visa has no content")
    texts = {name: content.get(name, "") for name in ("type", "value", "source", "by")}
    if not all(isinstance(text, str) for text in texts.values()) or not _number(content.get("asserted")):
        raise NotValid("a visa lacks what every visa has")
    type, value, source, by = texts.values()
    if not (type and value and source) or (type in _NEEDS_BY and not by):
        raise NotValid("a visa lacks what every visa has")
    # The values of linked identities may be long; all others are addresses or roles.
    if len(source) > _MAX_TEXT or (len(value) > _MAX_TEXT and type != _LINKED):
        raise NotValid("a visa is longer than visas are")
    if not isinstance(claims["sub"], str) or not claims["sub"]:
        raise NotValid("a visa is of nobody")
    return _Held(
        visa=Visa(type=type, value=value, source=source, issuer=issuer.url, expires=float(claims["exp"])),
        subject=claims["sub"],
        by=by,
        conditions=content.get("conditions"),
    )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _linked(held: Iterable[_Held]) -> list[set[Identity]]:
    """Sets of identities that are one person, as visas without conditions say."""
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
    """Whether the conditions of a visa, an OR of ANDs, are met by others of the same person."""
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
    """Whether one visa has all that a clause asks of its type and at least one more field."""
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
    """`?` is any one character and `*` any number of them; there is no escape.

    Atomic groups keep a pattern of many asterisks from trying every way to share a text among them: the first place
    where the letters after an asterisk are found leaves the most for what follows.
    """
    first, *rest = (_letters(piece) for piece in pattern.split("*"))
    if not rest:
        return re.compile(first, re.DOTALL)
    *middle, last = rest
    return re.compile(first + "".join(f"(?>.*?{piece})" for piece in middle) + f".*{last}", re.DOTALL)


def _letters(piece: str) -> str:
    return "".join("." if letter == "?" else re.escape(letter) for letter in piece)
