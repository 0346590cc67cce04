"""Forms of the desk that the database's rules refuse: each says so in words, by the field where it can."""

import re
from typing import Any
from urllib.parse import urljoin

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from catalogue.models import Alias, Dataset, Identity, NamingAuthority, Sequence, SequenceCollection
from tests.catalogue.made_access import make_grant, make_user
from tests.catalogue.made_rows import make_sequence

pytestmark = pytest.mark.django_db


def inline(prefix: str, *rows: dict[str, Any], initial: int = 0) -> dict[str, Any]:
    """The fields of an inline formset."""
    fields = {
        f"{prefix}-{number}-{name}": value for number, row in enumerate(rows) for name, value in row.items()
    }
    return {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": initial, **fields}


def forms() -> dict[str, tuple[str, dict[str, Any], str]]:
    """Forms by what is wrong with them: path, fields, and what the page has to say."""
    sequence = make_sequence(b"ACGT", "lab:chr1")
    lab = NamingAuthority.objects.get(name="lab").pk
    dataset = Dataset.objects.create(slug="trio")
    SequenceCollection.objects.create(name="GRCh38")
    ada = make_user("ada")
    make_grant(dataset, ada)
    Identity.objects.create(user=ada, issuer="https://issuer.example", subject="x")
    group = Group.objects.create(name="lab")
    make_grant(dataset, group)
    limits = {**inline("regions"), **inline("files")}
    grant: dict[str, Any] = {"dataset": dataset.pk, "role": "reader", **limits}
    name = {"authority": lab, "name": "chr1"}
    return {
        "authority in other case": (
            "namingauthority/add/", {"name": "LAB"}, "There is a naming authority of this name, perhaps in other case.",
        ),
        "authority with a colon": ("namingauthority/add/", {"name": "a:b"}, "The name of an authority has letters"),
        "collection": (
            "sequencecollection/add/", {"name": "GRCh38", "visibility": "public"}, "with this Name already exists",
        ),
        "dataset": (
            "dataset/add/", {"slug": "trio", "visibility": "public", **inline("prefixes")}, "with this Slug already",
        ),
        "prefix twice": (
            "dataset/add/",
            {
                "slug": "two", "visibility": "public",
                **inline("prefixes", {"storage": "files", "prefix": "a/"}, {"storage": "files", "prefix": "a/"}),
            },
            "duplicate data",
        ),
        "grant": ("grant/add/", {**grant, "user": ada.pk}, "The same grant is there already."),
        "grant to a group": ("grant/add/", {**grant, "group": group.pk}, "The same grant is there already."),
        "grant to nobody": ("grant/add/", grant, "A grant"),
        "grant to two": ("grant/add/", {**grant, "user": ada.pk, "group": group.pk}, "A grant"),
        "grant on two": (
            "grant/add/",
            {**grant, "user": ada.pk, "collection": SequenceCollection.objects.get().pk},
            "A grant",
        ),
        "region": (
            "grant/add/",
            {**grant, "user": ada.pk, **inline("regions", {"contig": "1", "start": 9, "end": 5})},
            "end",
        ),
        "alias twice": (f"sequence/{sequence.pk}/change/", inline("aliases", name, name), "this alias already"),
        "alias that is there": (f"sequence/{sequence.pk}/change/", inline("aliases", name), "this alias already"),
        "identity": (
            "identity/add/", {"user": ada.pk, "issuer": "https://issuer.example", "subject": "x"}, "already",
        ),
        "account": (
            "/admin/auth/user/add/", {"username": "ada", "usable_password": "false"}, "already exists",
        ),
    }  # fmt: skip


def test_every_refusal_is_in_words(admin_client: Client) -> None:
    made = forms()
    before = counted()
    for what, (path, fields, said) in made.items():
        page = admin_client.post(urljoin("/admin/catalogue/", path), fields, follow=True).content.decode()
        text = page.replace("&#x27;", "'")
        assert said in text, (
            what,
            [line.strip() for line in text.split("\n") if "error" in line.lower()][:20],
        )
        for word in ("onstraint", "violates", "_unique", "_has_", "_is_", "IntegrityError", "duplicate key"):
            assert word not in strip_markup(text), (what, word)
        assert counted() == before, what


def counted() -> list[int]:
    models = (NamingAuthority, SequenceCollection, Dataset, Alias, Identity, User, Sequence)
    return [model.objects.count() for model in models]


def strip_markup(text: str) -> str:
    """The text of a page without tags, whose attributes have names of their own."""
    return re.sub(r"<script.*?</script>|<[^>]*>", " ", text, flags=re.DOTALL)
