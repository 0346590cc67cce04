"""GA4GH Passports: which visas are accepted, for whom, and under which conditions."""

import random
import re
import time
from collections.abc import Iterator
from fnmatch import translate
from typing import Any
from urllib.parse import quote

import pytest

from catalogue.access import Viewer
from htsgetsite.authentication import jwt_tokens, passports
from htsgetsite.authentication.bearer import viewer_of
from htsgetsite.authentication.issuers import Issuer, VisaIssuer
from tests.made_issuer import (
    AUDIENCE,
    MadeIssuer,
    claims_of,
    made_issuer,
    public_jwk,
    rsa_key,
    unsigned,
    with_claims,
)

pytestmark = pytest.mark.django_db

DATASET = "https://dataset.example.org/1"
RESEARCHER = "https://doi.org/10.1038/s41431-018-0219-y"


@pytest.fixture
def broker(settings: Any) -> Iterator[MadeIssuer]:
    """The issuer of access tokens, which carry passports."""
    with made_issuer() as made:
        settings.OIDC_ISSUERS = {made.url: Issuer(url=made.url, audiences=(AUDIENCE,))}
        yield made


@pytest.fixture
def dac(settings: Any) -> Iterator[MadeIssuer]:
    """An issuer of visas that the site trusts."""
    with made_issuer() as made:
        settings.VISA_ISSUERS = {made.url: VisaIssuer(url=made.url, key_urls=(made.jwks_url,))}
        yield made


def shown(broker: MadeIssuer, *visas: Any) -> Viewer:
    """The viewer with a passport of these visas."""
    jwt_tokens.forget_tokens()
    found = viewer_of(f"Bearer {broker.token(ga4gh_passport_v1=list(visas))}")
    assert found.name is not None
    return found


def values(broker: MadeIssuer, *visas: Any) -> list[tuple[str, str]]:
    """Type and value of the visas that count."""
    return [(visa.type, visa.value) for visa in shown(broker, *visas).visas]


@pytest.mark.parametrize(
    ("type", "value", "by"),
    [
        ("ControlledAccessGrants", DATASET, "dac"),
        ("AcceptedTermsAndPolicies", "https://terms.example.org/v1", "self"),
        ("ResearcherStatus", RESEARCHER, None),
        ("AffiliationAndRole", "faculty@med.example.edu", "system"),
    ],
)
def test_visas_of_every_type(
    broker: MadeIssuer, dac: MadeIssuer, type: str, value: str, by: str | None
) -> None:
    token = dac.visa(value, type=type, by=by)
    (visa,) = shown(broker, token).visas
    assert (visa.type, visa.value, visa.issuer) == (type, value, dac.url)
    assert visa.source == "https://dac.example.org"
    assert visa.expires == claims_of(token)["exp"]


def test_visas_of_other_types_mean_nothing_here(broker: MadeIssuer, dac: MadeIssuer) -> None:
    assert values(broker, dac.visa("x", type="https://example.org/custom")) == []
    assert values(broker, dac.visa("a,b", type="LinkedIdentities")) == []


def test_visas_without_jku_are_of_the_first_address(broker: MadeIssuer, dac: MadeIssuer) -> None:
    assert values(broker, dac.visa(DATASET, header={"jku": None}))


def test_a_second_address_of_keys(
    broker: MadeIssuer, dac: MadeIssuer, stranger: MadeIssuer, settings: Any
) -> None:
    settings.VISA_ISSUERS = {dac.url: VisaIssuer(url=dac.url, key_urls=(dac.jwks_url, stranger.jwks_url))}
    stranger.keys = [public_jwk(rsa_key("second place"), kid="elsewhere")]
    token = dac.visa(
        DATASET, key=rsa_key("second place"), header={"jku": stranger.jwks_url, "kid": "elsewhere"}
    )
    assert values(broker, token)


def forged(dac: MadeIssuer, stranger: MadeIssuer) -> dict[str, Any]:
    """Visas that must not be believed, by what is wrong with them."""
    now = int(time.time())
    good = dac.visa(DATASET)
    evil = rsa_key("evil")
    return {
        "unsigned": unsigned(claims_of(good)),
        "unsigned, with kid and jku": unsigned(claims_of(good), header={"kid": "first", "jku": dac.jwks_url}),
        "altered": with_claims(good, sub="else"),
        "content altered": with_claims(
            good, ga4gh_visa_v1={**claims_of(good)["ga4gh_visa_v1"], "value": "https://dataset.example.org/2"}
        ),
        "wrong key": dac.visa(DATASET, key=evil),
        "untrusted issuer": stranger.visa(DATASET),
        "untrusted issuer, trusted name": stranger.visa(DATASET, iss=dac.url, header={"jku": dac.jwks_url}),
        "trusted name, jku of a stranger": stranger.visa(DATASET, iss=dac.url),
        "jku beside the true one": dac.visa(DATASET, header={"jku": f"{dac.jwks_url}/"}),
        "jku with a user": dac.visa(DATASET, header={"jku": dac.jwks_url.replace("http://", "http://a@")}),
        "jku not a text": dac.visa(DATASET, header={"jku": [dac.jwks_url]}),
        "x5u": dac.visa(DATASET, key=evil, header={"x5u": f"{stranger.url}/certificate"}),
        "expired": dac.visa(DATASET, iat=now - 600, exp=now - 31),
        "no expiry": dac.visa(DATASET, exp=None),
        "future": dac.visa(DATASET, iat=now + 3600, exp=now + 7200),
        "not yet": dac.visa(DATASET, nbf=now + 3600),
        "for somebody else": dac.token(
            aud="https://else.example.org", ga4gh_visa_v1=claims_of(good)["ga4gh_visa_v1"]
        ),
        "of nobody": dac.visa(DATASET, sub=None),
        "no content": dac.token(aud=None),
        "content not an object": dac.token(aud=None, ga4gh_visa_v1=["ControlledAccessGrants"]),
        "no type": dac.visa(DATASET, content={"type": None}),
        "no value": dac.visa(DATASET, content={"value": None}),
        "no source": dac.visa(DATASET, content={"source": None}),
        "no by": dac.visa(DATASET, by=None),
        "not asserted": dac.visa(DATASET, content={"asserted": None}),
        "value not a text": dac.visa(DATASET, content={"value": 7}),
        "value too long": dac.visa("https://dataset.example.org/" + "x" * 255),
        "not a token": "visa",
        "a number": 7,
        "null": None,
    }


def test_forged_visas_do_not_count_and_fetch_nothing(
    broker: MadeIssuer, dac: MadeIssuer, stranger: MadeIssuer
) -> None:
    stranger.keys = [public_jwk(rsa_key("evil"), kid="first")]
    for what, visa in forged(dac, stranger).items():
        assert values(broker, visa) == [], what
    assert stranger.asked == {}
    # Nor do they take the good ones beside them with them.
    everything = [*forged(dac, stranger).values(), dac.visa(DATASET)]
    assert values(broker, *everything) == [("ControlledAccessGrants", DATASET)]


@pytest.mark.parametrize("passport", [None, "x", {}, 7, [[]], [{}]])
def test_passports_that_are_none(broker: MadeIssuer, dac: MadeIssuer, passport: Any) -> None:
    token = broker.token(ga4gh_passport_v1=passport)
    assert viewer_of(f"Bearer {token}").visas == ()


def test_no_more_visas_are_looked_at_than_a_passport_has(
    broker: MadeIssuer, dac: MadeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passports, "MAX_VISAS", 2)
    assert values(broker, "x", "x", dac.visa(DATASET)) == []


def test_a_passport_of_an_issuer_that_cannot_be_asked(broker: MadeIssuer, dac: MadeIssuer) -> None:
    dac.status = 500
    token = broker.token(ga4gh_passport_v1=[dac.visa(DATASET)])
    found = viewer_of(f"Bearer {token}")
    assert found.name is None and found.unverified


# --- User information -------------------------------------------------------------------------------------------


def trusting_userinfo(settings: Any, broker: MadeIssuer, **more: Any) -> None:
    settings.OIDC_ISSUERS = {broker.url: Issuer(url=broker.url, audiences=(AUDIENCE,), userinfo=True, **more)}


def test_the_passport_is_asked_for_where_the_token_has_none(
    broker: MadeIssuer, dac: MadeIssuer, settings: Any
) -> None:
    broker.user = {"sub": "somebody", "ga4gh_passport_v1": [dac.visa(DATASET)]}
    token = broker.token()
    assert viewer_of(f"Bearer {token}").visas == ()
    assert broker.asked["/user"] == 0

    trusting_userinfo(settings, broker)
    jwt_tokens.forget_tokens()
    assert [visa.value for visa in viewer_of(f"Bearer {token}").visas] == [DATASET]
    assert f"Bearer {token}" in broker.bearers
    # Once in a while, not for every request.
    assert viewer_of(f"Bearer {token}").visas
    assert broker.asked["/user"] == 1


def test_user_information_of_another_subject_is_refused(
    broker: MadeIssuer, dac: MadeIssuer, settings: Any
) -> None:
    trusting_userinfo(settings, broker)
    broker.user = {"sub": "else", "ga4gh_passport_v1": [dac.visa(DATASET)]}
    found = viewer_of(f"Bearer {broker.token()}")
    assert found.name is None and not found.unverified


def test_user_information_that_cannot_be_had(broker: MadeIssuer, settings: Any) -> None:
    trusting_userinfo(settings, broker, jwks_url=broker.jwks_url, userinfo_url="http://127.0.0.1:9/user")
    assert viewer_of(f"Bearer {broker.token()}").unverified


def test_a_bad_token_is_never_sent_anywhere(broker: MadeIssuer, settings: Any) -> None:
    trusting_userinfo(settings, broker)
    assert viewer_of(f"Bearer {broker.token(key=rsa_key('evil'))}").name is None
    assert broker.asked["/user"] == 0


# --- Conditions -------------------------------------------------------------------------------------------------


def affiliated(dac: MadeIssuer, value: str = "faculty@uni.example.org", **more: Any) -> str:
    return dac.visa(value, type="AffiliationAndRole", by=more.pop("by", "so"), **more)


def conditional(dac: MadeIssuer, conditions: Any, **more: Any) -> str:
    return dac.visa(DATASET, conditions=conditions, **more)


@pytest.mark.parametrize(
    ("conditions", "met"),
    [
        ([], True),
        (None, True),
        ([[{"type": "AffiliationAndRole", "value": "const:faculty@uni.example.org"}]], True),
        ([[{"type": "AffiliationAndRole", "value": "const:FACULTY@uni.example.org"}]], False),
        ([[{"type": "AffiliationAndRole", "value": "pattern:faculty@*"}]], True),
        ([[{"type": "AffiliationAndRole", "value": "pattern:faculty@uni.example.or?"}]], True),
        ([[{"type": "AffiliationAndRole", "value": "pattern:faculty"}]], False),
        ([[{"type": "AffiliationAndRole", "value": "pattern:*", "by": "const:so"}]], True),
        ([[{"type": "AffiliationAndRole", "value": "pattern:*", "by": "const:dac"}]], False),
        ([[{"type": "AffiliationAndRole", "source": "const:https://dac.example.org"}]], True),
        ([[{"type": "ResearcherStatus", "value": f"const:{RESEARCHER}"}]], False),
        # OR of ANDs.
        (
            [
                [{"type": "ResearcherStatus", "value": "pattern:*"}],
                [{"type": "AffiliationAndRole", "by": "const:so"}],
            ],
            True,
        ),
        (
            [
                [
                    {"type": "AffiliationAndRole", "by": "const:so"},
                    {"type": "ResearcherStatus", "value": "pattern:*"},
                ]
            ],
            False,
        ),
        (
            [
                [
                    {"type": "AffiliationAndRole", "by": "const:so"},
                    {"type": "AffiliationAndRole", "value": "pattern:*@*"},
                ]
            ],
            True,
        ),
        # Both fields of one clause have to be of one visa.
        ([[{"type": "AffiliationAndRole", "value": "pattern:student@*", "by": "const:so"}]], False),
        # What is not understood is not met.
        ([[{"type": "AffiliationAndRole", "value": "regex:.*"}]], False),
        ([[{"type": "AffiliationAndRole", "value": "faculty@uni.example.org"}]], False),
        ([[{"type": "AffiliationAndRole"}]], False),
        ([[{"value": "pattern:*"}]], False),
        ([[{"type": "pattern:*", "value": "pattern:*"}]], False),
        ([[{"type": "AffiliationAndRole", "asserted": "pattern:*"}]], False),
        ([[{"type": "AffiliationAndRole", "conditions": "pattern:*"}]], False),
        ([[{"type": "AffiliationAndRole", "value": 7}]], False),
        ([[]], False),
        ([{}], False),
        ({}, False),
        ("x", False),
        ([["x"]], False),
        ([[{"type": "AffiliationAndRole", "value": "pattern:*"}]] * 101, False),
    ],
)
def test_conditions(broker: MadeIssuer, dac: MadeIssuer, conditions: Any, met: bool) -> None:
    visas = [
        conditional(dac, conditions),
        affiliated(dac),
        affiliated(dac, "student@uni.example.org", by="self"),
    ]
    assert (("ControlledAccessGrants", DATASET) in values(broker, *visas)) is met


def test_split_patterns_match_one_piece(broker: MadeIssuer, dac: MadeIssuer) -> None:
    linked = dac.visa(
        "001,https:%2F%2Fa.example;123,https:%2F%2Fb.example", type="LinkedIdentities", by="system"
    )
    for pattern, met in (
        ("123,https:%2F%2F?.example", True),
        ("123,*", True),
        ("001,https:%2F%2Fa.example;123,*", False),
        ("12", False),
    ):
        wanted = conditional(dac, [[{"type": "LinkedIdentities", "value": f"split_pattern:{pattern}"}]])
        assert (values(broker, wanted, linked) != []) is met, pattern


def test_conditions_are_not_met_by_visas_with_conditions(broker: MadeIssuer, dac: MadeIssuer) -> None:
    loop = [[{"type": "AffiliationAndRole", "value": "pattern:*"}]]
    assert values(broker, conditional(dac, loop), affiliated(dac, conditions=loop)) == []


def test_conditions_are_not_met_by_visas_that_do_not_count(
    broker: MadeIssuer, dac: MadeIssuer, stranger: MadeIssuer
) -> None:
    wanted = conditional(dac, [[{"type": "AffiliationAndRole", "value": "pattern:*"}]])
    now = int(time.time())
    for other in (
        affiliated(stranger),
        affiliated(dac, exp=now - 60, iat=now - 100),
        affiliated(dac, key=rsa_key("evil")),
    ):
        assert values(broker, wanted, other) == []


def test_visas_of_different_people_do_not_meet_each_others_conditions(
    broker: MadeIssuer, dac: MadeIssuer, settings: Any
) -> None:
    with made_issuer() as university:
        settings.VISA_ISSUERS |= {
            university.url: VisaIssuer(url=university.url, key_urls=(university.jwks_url,))
        }
        wanted = conditional(dac, [[{"type": "AffiliationAndRole", "value": "pattern:*"}]], sub="a b")
        role = affiliated(university, sub="u,2")
        assert ("ControlledAccessGrants", DATASET) not in values(broker, wanted, role)
        assert ("ControlledAccessGrants", DATASET) not in values(broker, wanted, affiliated(dac, sub="else"))

        def link(issuer: MadeIssuer, sub: str, *others: tuple[str, str], **more: Any) -> str:
            value = ";".join(f"{quote(subject, safe='')},{quote(url, safe='')}" for subject, url in others)
            return issuer.visa(value, type="LinkedIdentities", by="system", sub=sub, **more)

        linked = link(dac, "a b", ("u,2", university.url))
        assert ("ControlledAccessGrants", DATASET) in values(broker, wanted, role, linked)
        # The other way round, and by way of a third.
        assert ("ControlledAccessGrants", DATASET) in values(
            broker, wanted, role, link(university, "u,2", ("a b", dac.url))
        )
        by_way = [link(dac, "third", ("a b", dac.url)), link(dac, "third", ("u,2", university.url))]
        assert ("ControlledAccessGrants", DATASET) in values(broker, wanted, role, *by_way)
        # But not by a link that is conditional, wrongly signed, or of others.
        for useless in (
            link(dac, "a b", ("u,2", university.url), conditions=[[{"type": "x", "value": "pattern:*"}]]),
            link(dac, "a b", ("u,2", university.url), key=rsa_key("evil")),
            link(dac, "a b", ("u,2", dac.url)),
            link(dac, "a b", ("u", university.url)),
        ):
            assert ("ControlledAccessGrants", DATASET) not in values(broker, wanted, role, useless)


def test_patterns_are_those_of_the_specification() -> None:
    rng = random.Random(7)
    for _ in range(3000):
        pattern = "".join(rng.choices("ab?*.;[", k=rng.randint(0, 7)))
        text = "".join(rng.choices("ab.;[\n", k=rng.randint(0, 8)))
        meant = re.compile(translate(pattern.replace("[", "[[]")))
        assert passports._matches(f"pattern:{pattern}", text) is (meant.match(text) is not None), (
            pattern,
            text,
        )


def test_a_pattern_of_many_asterisks_is_quick() -> None:
    started = time.thread_time()
    assert not passports._matches("pattern:" + "*a" * 60 + "b", "a" * 255)
    assert time.thread_time() - started < 0.5


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
@pytest.mark.parametrize("name", ["type", "value", "source", "by"])
def test_a_visa_that_the_database_cannot_hold_counts_for_nothing(
    broker: MadeIssuer, dac: MadeIssuer, name: str, text: str
) -> None:
    assert values(broker, dac.visa(DATASET, content={name: text})) == []
    assert values(broker, dac.visa(DATASET)) == [("ControlledAccessGrants", DATASET)]
