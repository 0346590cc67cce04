"""Digests and comparison of sequence collections."""

import random
from collections.abc import Sequence

import pytest

from catalogue.formats.collections import (
    ATTRIBUTES,
    CollectionDigester,
    canonical_json,
    collection_digest,
    digest_text,
    parse_collection_digest,
    sequence_names,
    sha512t24u,
)
from catalogue.formats.digests import parse_digest
from tests.catalogue.made_collections import Member, pack_members

#: The example of the specification ("Encoding").
HUMAN = [
    ("chr1", 248956422, "SQ.2YnepKM7OkBoOrKmvHbGqguVfF9amCST"),
    ("chr2", 242193529, "SQ.lwDyBi432Py-7xnAISyQlnlhWDEaBPv2"),
    ("chr3", 198295559, "SQ.Eqk6_SvMMDCc6C-uEfickOUWTatLMDQZ"),
]


def members_of(rows: Sequence[tuple[str, int, str]]) -> list[Member]:
    members = []
    for name, length, sequence in rows:
        digest = parse_digest(sequence)
        assert digest is not None
        members.append(Member(name, length, digest[1]))
    return members


def digest_all(members: Sequence[Member], *, batch: int = 1000) -> dict[str, str]:
    digester = CollectionDigester()
    for start in range(0, len(members), batch):
        digester.add(pack_members(members[start : start + batch]))
    digests = digester.finish()
    assert digests.size == len(members)
    return {name: digest_text(digests.attributes[name]) for name in ATTRIBUTES} | {
        "digest": digest_text(digests.digest)
    }


def test_the_example_of_the_specification() -> None:
    for batch in (1, 2, 3):
        digests = digest_all(members_of(HUMAN), batch=batch)
        assert digests["lengths"] == "5K4odB173rjao1Cnbk5BnvLt9V7aPAa2"
        assert digests["names"] == "g04lKdxiYtG3dOGeUC5AdKEifw65G0Wp"
        assert digests["sequences"] == "rD29ZKmEqwwHRXjiQ36p6UMZQ5hemmsb"
        assert digests["digest"] == "sjNNwm4zov3Dl0FRWbRTcZwzqrTQKIqL"


def simple_digests(members: Sequence[Member]) -> dict[str, str]:
    """The same, word for word as the specification describes it."""
    sequences = [name for member in members for name in sequence_names(member.sha512t24u)]
    pairs = [{"length": member.length, "name": member.name} for member in members]
    level2 = {
        "lengths": [member.length for member in members],
        "name_length_pairs": pairs,
        "names": [member.name for member in members],
        "sequences": sequences,
        "sorted_name_length_pairs": sorted(digest_text(sha512t24u(canonical_json(pair))) for pair in pairs),
        "sorted_sequences": sorted(sequences),
    }
    level1 = {name: sha512t24u(canonical_json(array)) for name, array in level2.items()}
    return {name: digest_text(digest) for name, digest in level1.items()} | {
        "digest": digest_text(collection_digest(level1))
    }


LETTERS = 'abcXYZ0189_.-|: "\\/\x7f\t\n\x01\x1féß中\u2028😀'


def random_members(rng: random.Random, size: int) -> list[Member]:
    pool = [rng.randbytes(24) for _ in range(max(1, size // 2))]
    return [
        Member(
            "".join(rng.choices(LETTERS, k=rng.randint(0, 12))),
            rng.choice([1, 4, 4, rng.randint(1, 2**62)]),
            rng.choice(pool) if rng.random() < 0.5 else rng.randbytes(24),
        )
        for _ in range(size)
    ]


def test_random_collections_in_any_batches() -> None:
    rng = random.Random(20)
    for size in (0, 1, 2, 3, 7, 50, 300):
        members = random_members(rng, size)
        assert digest_all(members, batch=rng.randint(1, 60)) == simple_digests(members)


def test_lengths_do_not_name_a_collection() -> None:
    longer = [member._replace(length=member.length + 1) for member in members_of(HUMAN)]
    assert digest_all(longer)["digest"] == "sjNNwm4zov3Dl0FRWbRTcZwzqrTQKIqL"


def test_a_lone_surrogate_has_no_canonical_json() -> None:
    with pytest.raises(UnicodeEncodeError):
        canonical_json(["\ud800"])
    with pytest.raises(UnicodeEncodeError):
        pack_members([("\ud800", 1, bytes(24))])


@pytest.mark.parametrize(
    "text", ["", "a", "=" * 32, "A" * 31, "A" * 33, "A" * 32 + "\n", "é" * 32, "a/" * 16]
)
def test_what_is_no_digest(text: str) -> None:
    assert parse_collection_digest(text) is None
