"""Registers names for sequences that are there already, from tables of names: each file in one transaction."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Final, NamedTuple, Protocol

from django.db import connection, transaction

from catalogue.errors import StorageError
from catalogue.formats import FormatError
from catalogue.formats.alias_tables import AliasTable, Statement, TableFormat, read_alias_table
from catalogue.formats.digests import DigestKind, parse_digest
from catalogue.formats.fasta_names import HEADER_AUTHORITIES
from catalogue.formats.gunzip import WatchedInput, plain_chunks
from catalogue.ingest.runs import Run, ingest_run
from catalogue.ingest.sources import Source
from catalogue.models import Alias, IngestedFile, NamingAuthority
from catalogue.models import Sequence as SequenceRow

COMMAND: Final = "ingest_aliases"
#: Endings of tables of names in folders.
TABLE_SUFFIXES: Final = tuple(
    f"{name}{compressed}"
    for name in (".tsv", "assembly_report.txt", "chromalias.txt")
    for compressed in ("", ".gz", ".bgz")
)

# Accessions decide which sequence a row means; other names are given to several sequences too easily.
_DECIDING = {"insdc", "refseq"}
_BATCH = 2000

_TABLE = "CREATE TEMPORARY TABLE arriving_alias (authority bigint, name text, sequence bigint)"
_DROP = "DROP TABLE IF EXISTS arriving_alias"
_ADD = """
    INSERT INTO catalogue_alias (name, authority_id, sequence_id)
    SELECT DISTINCT name COLLATE "C", authority, sequence FROM arriving_alias ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING"""


class UnknownAuthority(FormatError):
    """A row speaks of a naming authority that is not there, and that nobody asked to make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasOptions:
    """How tables are read: `format` when it is not to be recognised, `assembly` what the table's assembly is called.

    With `create_authorities`, authorities that are not there are made; the assembly always is.
    """

    format: TableFormat | None = None
    assembly: str | None = None
    create_authorities: bool = False
    dry_run: bool = False


@dataclass(slots=True)
class AliasCounts:
    """Rows of a table by what became of them, and names that are new in the catalogue."""

    rows: int = 0
    matched: int = 0
    unmatched: int = 0
    ambiguous: int = 0
    contradicting: int = 0
    aliases: int = 0


@dataclass(frozen=True, slots=True)
class TableResult:
    """What became of one table; `message` tells why it failed, or what was left out."""

    source: str
    outcome: IngestedFile.Outcome
    message: str = ""
    counts: AliasCounts = field(default_factory=AliasCounts)

    @property
    def failed(self) -> bool:
        """Whether nothing of it was taken."""
        return self.outcome == IngestedFile.Outcome.FAILED


class Observer(Protocol):
    """Whoever watches."""

    def unused(self, source: Source, line: int, reason: str) -> None:
        """A row was read that names no sequence, or not one."""

    def finished(self, result: TableResult) -> None:
        """A table is done with."""


class _Unused(NamedTuple):
    """Why a statement is not applied, and under which count that goes."""

    outcome: str
    reason: str


def ingest_aliases(
    sources: Sequence[Source], *, options: AliasOptions, observer: Observer
) -> list[TableResult]:
    """Adds the names of every table that can be read whole; a table with a bad row adds nothing."""
    if options.dry_run:
        return [_ingest(source, options, observer, None) for source in sources]
    arguments = {
        "files": [source.name for source in sources[:1000]],
        **asdict(options),
        "format": options.format and options.format.value,
    }
    with ingest_run(COMMAND, arguments) as run:
        results = [_ingest(source, options, observer, run) for source in sources]
        counts = [asdict(result.counts) for result in results]
        run.summary = {name: sum(count[name] for count in counts) for name in asdict(AliasCounts())}
        return results


def _ingest(source: Source, options: AliasOptions, observer: Observer, run: Run | None) -> TableResult:
    try:
        with source.open() as stream, transaction.atomic():
            chunks = plain_chunks(WatchedInput(stream))
            table = read_alias_table(chunks, format=options.format, assembly=options.assembly)
            result = _register(source, table, options, observer)
            if run is None:
                transaction.set_rollback(True)
            else:
                run.file(source.name, result.outcome, message=result.message, counts=asdict(result.counts))
    except (FormatError, StorageError, OSError) as error:
        result = TableResult(source.name, IngestedFile.Outcome.FAILED, f"{source.name}: {error}")
        if run is not None:
            run.file(source.name, result.outcome, message=result.message)
    observer.finished(result)
    return result


def _register(source: Source, table: AliasTable, options: AliasOptions, observer: Observer) -> TableResult:
    counts = AliasCounts()
    authorities = _Authorities(options, table.assembly)
    with connection.cursor() as cursor:
        cursor.execute(_DROP)
        cursor.execute(_TABLE)
        for batch in _batches(table.statements):
            counts.rows += len(batch)
            found = _Lookup(batch, authorities)
            rows = []
            for statement in batch:
                meant = found.sequence(statement)
                if isinstance(meant, _Unused):
                    setattr(counts, meant.outcome, getattr(counts, meant.outcome) + 1)
                    observer.unused(source, statement.line, meant.reason)
                else:
                    counts.matched += 1
                    rows += [(authorities.pk(authority), name, meant) for authority, name in statement.names]
            with cursor.copy("COPY arriving_alias FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        cursor.execute(_ADD)
        counts.aliases = cursor.rowcount
        cursor.execute(_DROP)
    outcome = IngestedFile.Outcome.ADDED if counts.aliases else IngestedFile.Outcome.UNCHANGED
    message = ""
    if table.assembly is None and table.format is not TableFormat.TSV:
        message = f"{source.name}: the names that the assembly gives itself are left out; --assembly NAME takes them"
    return TableResult(source.name, outcome, message, counts)


def _batches(statements: Iterator[Statement]) -> Iterator[list[Statement]]:
    while batch := list(islice(statements, _BATCH)):
        yield batch


class _Authorities:
    """The naming authorities by name without case; those that may be made are made when they are first needed."""

    def __init__(self, options: AliasOptions, assembly: str | None) -> None:
        self._may_be_made = (
            {} if assembly is None else {assembly.lower(): f"Sequence names of assembly {assembly}"}
        )
        self._may_be_made |= {name.lower(): text for name, text in HEADER_AUTHORITIES.items()}
        self._any_may = options.create_authorities
        self._pks = {name.lower(): pk for pk, name in NamingAuthority.objects.values_list("pk", "name")}

    def known(self, name: str) -> int | None:
        """The key of an authority, if it is there."""
        return self._pks.get(name.lower())

    def check(self, name: str, line: int) -> None:
        """Raises UnknownAuthority unless it is there or may be made."""
        if not (name.lower() in self._pks or name.lower() in self._may_be_made or self._any_may):
            raise UnknownAuthority(
                f"line {line}: there is no naming authority {name!r}; --create-authorities makes it"
            )

    def pk(self, name: str) -> int:
        """The key of an authority, which is made if it must be."""
        key = name.lower()
        if key not in self._pks:
            NamingAuthority.objects.bulk_create(
                [NamingAuthority(name=name, description=self._may_be_made.get(key, ""))],
                ignore_conflicts=True,
            )
            self._pks[key] = NamingAuthority.objects.get(name__iexact=name).pk
        return self._pks[key]


class _Lookup:
    """The sequences that a batch of statements may mean, found with a few queries."""

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
        """The key of the one sequence that a statement means, or why there is none."""
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
        """What a digest or a name with or without its authority means, as in a request."""
        if digest := parse_digest(identifier):
            pk = self._by_digest.get(digest[1])
            return None if pk is None else {pk}
        found = set().union(*self._by_name[identifier].values())
        authority, colon, name = identifier.partition(":")
        if colon and (pk := self._authorities.known(authority)) is not None:
            found |= self._by_name[name][pk]
        return found or None

    def _named(self, statement: Statement) -> set[int] | None:
        """The sequences that all names which are known agree on; accessions alone decide where there is one."""
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
