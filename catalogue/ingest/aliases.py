"""Adds aliases of registered sequences from tables, each table in one transaction."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Final, NamedTuple

from django.db import connection

from catalogue.errors import StorageError
from catalogue.formats import FormatError
from catalogue.formats.alias_tables import AliasTable, Statement, TableFormat, read_alias_table
from catalogue.formats.digests import DigestKind, parse_digest
from catalogue.formats.fasta_names import HEADER_AUTHORITIES, NameUnder
from catalogue.formats.gunzip import WatchedInput
from catalogue.ingest.outcomes import IngestResult, InputResult, Observer, Options, Outcome
from catalogue.ingest.runs import MAX_RECORDED, Run, ingest_run
from catalogue.ingest.sources import Source, uncompressed_chunks
from catalogue.ingest.transactions import write_transaction
from catalogue.models import Alias, NamingAuthority
from catalogue.models import Sequence as SequenceRow

COMMAND: Final = "ingest_aliases"
#: File name suffixes of tables in folders.
TABLE_SUFFIXES: Final = tuple(
    f"{name}{compressed}"
    for name in (".tsv", "assembly_report.txt", "chromalias.txt")
    for compressed in ("", ".gz", ".bgz")
)

# Accessions identify the sequence of a row; other names are often given to several sequences.
_DECIDING = {"insdc", "refseq"}
_BATCH = 2000
# Upper bound of the names of a table that its result lists.
_MAX_NAMED = 3
_FAULTS = {
    "unmatched": "no sequence has the names in the row (--allow-unmatched accepts that)",
    "ambiguous": "several sequences have the names in the row",
    "contradicting": "the row contradicts what is registered",
}

_TABLE = "CREATE TEMPORARY TABLE arriving_alias (authority bigint, name text, sequence bigint)"
_DROP = "DROP TABLE IF EXISTS arriving_alias"
_ADD = """
    INSERT INTO catalogue_alias (name, authority_id, sequence_id)
    SELECT DISTINCT name COLLATE "C", authority, sequence FROM arriving_alias ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING"""


class UnknownAuthority(FormatError):
    """A row names a naming authority that does not exist and must not be created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasOptions(Options):
    """How to read tables: `format` of None recognises it by content; `assembly` is the name of the table's assembly.

    With `create_authorities`, missing authorities are created; the assembly's own always is. With `allow_unmatched`,
    rows that match no sequence are not a fault.
    """

    format: TableFormat | None = None
    assembly: str | None = None
    create_authorities: bool = False
    allow_unmatched: bool = False


@dataclass(slots=True)
class AliasCounts:
    """Numbers of a table's rows by outcome, and of new aliases."""

    rows: int = 0
    matched: int = 0
    unmatched: int = 0
    ambiguous: int = 0
    contradicting: int = 0
    aliases: int = 0


class _Unused(NamedTuple):
    """Why a row is not used, and the name of its count."""

    counted_as: str
    reason: str


def ingest_aliases(
    sources: Sequence[Source], *, options: AliasOptions, observer: Observer, run: Run | None = None
) -> IngestResult:
    """Add the names of every valid table; a table with an invalid row adds nothing.

    Rows that match no sequence or several, or contradict registered data, add nothing and are faults of the result. The
    tables are recorded with `run`, or else with a new one.
    """
    result = IngestResult(total=len(sources))
    arguments = {"files": [source.name for source in sources[:MAX_RECORDED]], **options.recorded()}
    recording = nullcontext(run) if run else ingest_run(COMMAND, arguments, dry_run=options.dry_run)
    with recording as run:
        result.run = run.pk
        for source in sources:
            result.inputs.append(_ingest_table(source, options, observer, run))
            observer.finished(result.inputs[-1])
        for count, description in _FAULTS.items():
            if (rows := result.count(count)) and not (count == "unmatched" and options.allow_unmatched):
                result.faults.append(f"{description}: {rows:,} of {result.count('rows'):,} rows")
        run.failed |= result.failed
        run.summary = {**asdict(AliasCounts()), **result.counts()}
    return result


def _ingest_table(source: Source, options: AliasOptions, observer: Observer, run: Run) -> InputResult:
    try:
        with source.open() as stream, write_transaction(dry_run=options.dry_run):
            watched = WatchedInput(stream)
            table = read_alias_table(
                uncompressed_chunks(watched), format=options.format, assembly=options.assembly
            )
            result = _register(source, table, options, observer)
            run.record(result)
    except (FormatError, StorageError, OSError) as error:
        result = InputResult(source.name, Outcome.FAILED, str(error))
        run.record(result)
    return result


def _register(source: Source, table: AliasTable, options: AliasOptions, observer: Observer) -> InputResult:
    counts = AliasCounts()
    paths: list[str] = []
    authorities = _Authorities(options, table.assembly)
    with connection.cursor() as cursor:
        cursor.execute(_DROP)
        cursor.execute(_TABLE)
        for batch in _batches(table.statements):
            names = _matched(source, batch, authorities, counts, observer)
            paths += [
                f"sequence/{authority}:{name}" for (authority, name), _ in names[: _MAX_NAMED - len(paths)]
            ]
            # Before the COPY, during which no other statement is possible.
            rows = [(authorities.pk(authority), name, sequence) for (authority, name), sequence in names]
            with cursor.copy("COPY arriving_alias FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        cursor.execute(_ADD)
        counts.aliases = cursor.rowcount
        cursor.execute(_DROP)
    outcome = Outcome.ADDED if counts.aliases else Outcome.UNCHANGED
    message = ""
    if table.assembly is None and table.format is not TableFormat.TSV:
        message = "the names that the assembly gives itself are left out; --assembly NAME takes them"
    return InputResult(source.name, outcome, message, asdict(counts), tuple(paths))


def _matched(
    source: Source,
    batch: Sequence[Statement],
    authorities: "_Authorities",
    counts: AliasCounts,
    observer: Observer,
) -> list[tuple[NameUnder, int]]:
    """Return the names of rows that match one sequence, with its primary key; count and report the other rows."""
    found = _Lookup(batch, authorities)
    names: list[tuple[NameUnder, int]] = []
    for statement in batch:
        counts.rows += 1
        meant = found.sequence(statement)
        if isinstance(meant, _Unused):
            setattr(counts, meant.counted_as, getattr(counts, meant.counted_as) + 1)
            observer.noted(source.name, f"line {statement.line}: {meant.reason}")
        else:
            counts.matched += 1
            names += [(name, meant) for name in statement.names]
    return names


def _batches(statements: Iterator[Statement]) -> Iterator[list[Statement]]:
    while batch := list(islice(statements, _BATCH)):
        yield batch


class _Authorities:
    """The naming authorities by case-insensitive name; permitted new ones are created when first needed."""

    def __init__(self, options: AliasOptions, assembly: str | None) -> None:
        self._may_be_made = (
            {} if assembly is None else {assembly.lower(): f"Sequence names of assembly {assembly}"}
        )
        self._may_be_made |= {name.lower(): text for name, text in HEADER_AUTHORITIES.items()}
        self._any_may = options.create_authorities
        self._pks = {name.lower(): pk for pk, name in NamingAuthority.objects.values_list("pk", "name")}

    def known(self, name: str) -> int | None:
        """Return the primary key of an authority; None if it does not exist."""
        return self._pks.get(name.lower())

    def check(self, name: str, line: int) -> None:
        """Raise UnknownAuthority unless the authority exists or may be created."""
        if not (name.lower() in self._pks or name.lower() in self._may_be_made or self._any_may):
            raise UnknownAuthority(
                f"line {line}: there is no naming authority {name!r}; --create-authorities makes it"
            )

    def pk(self, name: str) -> int:
        """Return the primary key of an authority; create it if necessary."""
        key = name.lower()
        if key not in self._pks:
            NamingAuthority.objects.bulk_create(
                [NamingAuthority(name=name, description=self._may_be_made.get(key, ""))],
                ignore_conflicts=True,
            )
            self._pks[key] = NamingAuthority.objects.get(name__iexact=name).pk
        return self._pks[key]


class _Lookup:
    """Finds the candidate sequences of a batch of statements with a few queries."""

    def __init__(self, batch: Sequence[Statement], authorities: _Authorities) -> None:
        self._authorities = authorities
        digests: dict[DigestKind, set[bytes]] = {kind: set() for kind in DigestKind}
        names: set[str] = set()
        for statement in batch:
            for name in statement.names:
                authorities.check(name.authority, statement.line)
            if digest := parse_digest(statement.identifier):
                digests[digest[0]].add(digest[1])
            elif statement.identifier:
                names |= {statement.identifier, statement.identifier.partition(":")[2]}
            else:
                names |= {name.name for name in statement.names}
        self._by_digest = {
            **_digests("md5", digests[DigestKind.MD5]),
            **_digests("sha512t24u", digests[DigestKind.SHA512T24U]),
        }
        self._by_name: dict[str, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
        rows = Alias.objects.filter(name__in=names - {""}).values_list("name", "authority_id", "sequence_id")
        for known, authority, sequence in rows.iterator():
            self._by_name[known][authority].add(sequence)
        found = {pk for named in self._by_name.values() for several in named.values() for pk in several}
        lengths = any(statement.length is not None for statement in batch)
        self._lengths = (
            dict(SequenceRow.objects.filter(pk__in=found).values_list("pk", "length")) if lengths else {}
        )

    def sequence(self, statement: Statement) -> int | _Unused:
        """Return the primary key of the sequence of a statement, or why it has none."""
        candidates = (
            self._identified(statement.identifier) if statement.identifier else self._named(statement)
        )
        if candidates is None:
            said = statement.identifier or ", ".join(
                f"{authority}:{name}" for authority, name in statement.names
            )
            return _Unused("unmatched", f"no sequence is known as {said}")
        if statement.length is not None:
            candidates = {pk for pk in candidates if self._lengths.get(pk) == statement.length}
        if not candidates:
            return _Unused("contradicting", "the names and the length in this row are not of one sequence")
        if len(candidates) > 1:
            return _Unused("ambiguous", f"{len(candidates)} sequences are meant")
        (meant,) = candidates
        return meant

    def _identified(self, identifier: str) -> set[int] | None:
        """Return the sequences that a digest, or a name with or without its authority, means in a request."""
        if digest := parse_digest(identifier):
            pk = self._by_digest.get(digest[1])
            return None if pk is None else {pk}
        found = set().union(*self._by_name[identifier].values())
        authority, colon, name = identifier.partition(":")
        if colon and (pk := self._authorities.known(authority)) is not None:
            found |= self._by_name[name][pk]
        return found or None

    def _named(self, statement: Statement) -> set[int] | None:
        """Return the sequences common to all registered names; if there are accessions, only they are used."""
        deciding: list[set[int]] = []
        others: list[set[int]] = []
        for authority, name in statement.names:
            pk = self._authorities.known(authority)
            if pk is not None and (found := self._by_name[name].get(pk)):
                (deciding if authority in _DECIDING else others).append(found)
        known = deciding or others
        return set.intersection(*known) if known else None


def _digests(column: str, digests: Iterable[bytes]) -> dict[bytes, int]:
    rows = SequenceRow.objects.filter(**{f"{column}__in": list(digests)}).values_list(column, "pk")
    return {bytes(digest): pk for digest, pk in rows}
