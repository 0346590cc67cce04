"""Expected rewritten records: the rules of fields, tags and regions on SAM lines, implemented independently."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FIELDS = ("QNAME", "FLAG", "RNAME", "POS", "MAPQ", "CIGAR", "RNEXT", "PNEXT", "TLEN", "SEQ", "QUAL")
_MISSING = {
    "QNAME": "*", "MAPQ": "255", "CIGAR": "*", "RNEXT": "*", "PNEXT": "0", "TLEN": "0", "SEQ": "*", "QUAL": "*",
}  # fmt: skip


@dataclass(frozen=True)
class Wish:
    """What a client asks of the records; None for all."""

    fields: Sequence[str] | None = None
    tags: Sequence[str] | None = None
    notags: Sequence[str] = ()

    @property
    def has_effect(self) -> bool:
        """Whether anything is to be taken away."""
        return self.drops_tags or set(self.fields or FIELDS) != set(FIELDS)

    @property
    def drops_tags(self) -> bool:
        return self.tags is not None or bool(self.notags)

    @property
    def parameters(self) -> dict[str, str]:
        given = {"fields": self.fields, "tags": self.tags, "notags": self.notags or None}
        return {name: ",".join(value) for name, value in given.items() if value is not None}

    def applied(self, line: str) -> str:
        """The SAM line of a record as it has to come out."""
        columns = line.split("\t")
        values, tags = columns[:11], columns[11:]
        if self.fields is not None:
            flag = values[1]
            values = [
                value if name in self.fields else _MISSING.get(name, value)
                for name, value in zip(FIELDS, values, strict=True)
            ]
            if "MAPQ" not in self.fields and int(flag) & 4:
                values[4] = "0"
            if "FLAG" not in self.fields:
                values[1] = str(int(flag) & 4)
            if "SEQ" not in self.fields:
                values[10] = "*"
        if self.tags is not None:
            tags = [tag for tag in tags if tag[:2] in self.tags]
        tags = [tag for tag in tags if tag[:2] not in self.notags]
        return "\t".join([*values, *tags])


def random_wish(rng: random.Random, lines: Iterable[str]) -> Wish:
    """A wish that takes some fields or tags away, those that the lines have among them."""
    while not (wish := _any_wish(rng, lines)).has_effect:
        pass
    return wish


def _any_wish(rng: random.Random, lines: Iterable[str]) -> Wish:
    known = sorted({tag[:2] for line in list(lines)[:50] for tag in line.split("\t")[11:]} | {"ZY", "RG"})
    some = rng.sample(known, rng.randint(0, len(known)))
    how = rng.randrange(4)
    fields = rng.choice((None, rng.sample(FIELDS, rng.randint(1, 11)), ["QNAME"], ["SEQ", "CIGAR"]))
    if how == 0:
        return Wish(fields, tags=some)
    if how == 1:
        return Wish(fields, notags=some)
    if how == 2:
        return Wish(fields, tags=some[: len(some) // 2], notags=some[len(some) // 2 :])
    return Wish(fields)
