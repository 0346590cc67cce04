"""Registers a data file that was read: one transaction per file, contigs by COPY.

Contigs are linked to sequences by the md5 in the header; contigs without md5 by name and length within the dataset's
collection.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from dataclasses import replace as replace_fields
from typing import Final, NamedTuple, Self

from django.db import connection, transaction
from django.utils import timezone

from catalogue.errors import CatalogueError
from catalogue.formats.headers import HeaderContig
from catalogue.formats.registry import SPECS
from catalogue.ingest.files.contig_links import publish_aliases
from catalogue.ingest.files.dataset import save_dataset
from catalogue.ingest.files.reader import FileReading
from catalogue.ingest.indexes.read import StoredContigIndex
from catalogue.ingest.objects import made_objects, remove_unless_used
from catalogue.ingest.transactions import advisory_lock
from catalogue.models import CollectionMember, Contig, DataFile, Dataset
from catalogue.models import Sequence as SequenceRow
from catalogue.storage.object_ref import ObjectRef

# Upper bound of the contig names without a known sequence that a run keeps.
_MAX_UNLINKED: Final = 6
_SORT_ORDERS = {"unsorted", "queryname", "coordinate"}

_ADD_SEQUENCES = """
    INSERT INTO catalogue_sequence (md5, length, circular, molecule)
    SELECT md5, length, false, '' FROM unnest(%s::bytea[], %s::bigint[]) AS given (md5, length) ORDER BY md5
    ON CONFLICT (md5) DO NOTHING
"""
_COPY_CONTIGS = """
    COPY catalogue_contig (file_id, number, name, length, md5, aliases, sequence_id, mapped, unmapped, index, chosen)
    FROM STDIN (FORMAT BINARY)
"""
_CONTIG_TYPES = (
    "int8",
    "int4",
    "varchar",
    "int8",
    "bytea",
    "varchar[]",
    "int8",
    "int8",
    "int8",
    "bytea",
    "bool",
)


# A contig without records of a file without index.
_NO_INDEX = StoredContigIndex(b"")


class _ContigRow(NamedTuple):
    """The columns of `_COPY_CONTIGS`."""

    file: int
    number: int
    name: str
    length: int | None
    md5: bytes | None
    aliases: list[str] | None
    sequence: int | None
    mapped: int | None
    unmapped: int | None
    packed: bytes
    chosen: bool


class IdTakenError(CatalogueError):
    """Another file is registered under this id and format."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A registered file; `replaced` is true if an earlier state of it, or another file, had the id."""

    replaced: bool
    counts: Mapping[str, int]
    warnings: tuple[str, ...]


@dataclass(slots=True)
class Register:
    """Registers the files of one run in a dataset, which `gets_collection` when it is saved.

    Keeps in memory the sequences that most files of a run share, and the first names of contigs without a sequence.
    """

    dataset: Dataset
    gets_collection: bool = False
    unlinked: dict[str, None] = field(default_factory=dict)
    _known: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    _members: dict[tuple[str, int], int] | None = None

    @property
    def is_unsaved(self) -> bool:
        """Whether the dataset has to be saved before a file is registered in it."""
        return self.dataset._state.adding or self.gets_collection

    def with_new_dataset(self) -> Self:
        """Return a register for the same dataset, saved in a transaction that will be rolled back."""
        dataset = copy(self.dataset)
        dataset._state = copy(self.dataset._state)
        save_dataset(dataset)
        return replace_fields(self, dataset=dataset)

    def add(
        self, reading: FileReading, *, htsget_id: str, replace: bool, dry_run: bool = False
    ) -> Registered:
        """Register a file under an id, replacing an earlier state of it.

        Takes over the id of another file only with `replace`, or if that file's object is missing; else raises
        IdTakenError. A dry run needs no stored copy. Call it in a transaction. Also raises StorageError and
        django.db.DatabaseError.
        """
        before = self._lock_row(reading, htsget_id, replace=replace)
        if not dry_run:
            reading = _with_current_objects(reading)
        if before is None:
            _commit_without_waiting()
        else:
            # A replaced file is durable before anything of its former state is removed.
            for ref in made_objects(before):
                transaction.on_commit(lambda ref=ref: remove_unless_used(ref))  # type: ignore[misc]
        sequences, warnings = self._sequences(reading.header.contigs)
        chosen = _chosen_sequences(before)
        row = self._row(before, reading, htsget_id)
        row.save(force_insert=before is None, force_update=before is not None)
        if before is not None:
            remove_contigs(row)
        contigs = list(self._contig_rows(row.pk, reading, sequences, chosen))
        _copy_contigs(contigs)
        if any(contig.aliases for contig in reading.header.contigs):
            publish_aliases(self.dataset, file=row.pk)
        replaced = before is not None
        return Registered(replaced, _counts(reading, contigs, replaced=replaced), tuple(warnings))

    def add_new(self, given: Mapping[str, FileReading]) -> dict[str, Registered]:
        """Register files under ids that no file has, in few statements; leave out those whose id is taken.

        Call it in a transaction. Raises as `add`.
        """
        names = [name for htsget_id, reading in given.items() for name in _locked_names(reading, htsget_id)]
        advisory_lock(*names)
        taken = DataFile.objects.filter(htsget_id__in=list(given)).values_list("htsget_id", flat=True)
        new = {htsget_id: _with_current_objects(given[htsget_id]) for htsget_id in given.keys() - set(taken)}
        _commit_without_waiting()
        sequences = {name: self._sequences(reading.header.contigs) for name, reading in new.items()}
        rows = DataFile.objects.bulk_create(self._row(None, reading, name) for name, reading in new.items())
        contigs: list[_ContigRow] = []
        registered = {}
        for row in rows:
            reading, (found, warnings) = new[row.htsget_id], sequences[row.htsget_id]
            own = list(self._contig_rows(row.pk, reading, found, {}))
            contigs += own
            counts = _counts(reading, own, replaced=False)
            registered[row.htsget_id] = Registered(False, counts, tuple(warnings))
        _copy_contigs(contigs)
        for row in rows:
            if any(contig.aliases for contig in new[row.htsget_id].header.contigs):
                publish_aliases(self.dataset, file=row.pk)
        return registered

    def _lock_row(self, reading: FileReading, htsget_id: str, *, replace: bool) -> DataFile | None:
        """Lock the id and the objects of a file; return the row that it replaces. Raises IdTakenError."""
        format = reading.header.format
        advisory_lock(*_locked_names(reading, htsget_id))
        rows = DataFile.objects.select_for_update(of=("self",)).select_related("dataset").defer("header")
        row = rows.filter(htsget_id=htsget_id, kind=SPECS[format].kind, format=format.value).first()
        if row is None:
            return None
        if row.dataset_id != self.dataset.pk:
            raise IdTakenError(
                f"{row} belongs to the dataset {row.dataset}; move it there, or choose another id"
            )
        was = ObjectRef(row.storage, row.key)
        same = {str(was), row.source} & {str(reading.place), str(reading.source)}
        if not (same or replace) and was.stat_or_none() is not None:
            raise IdTakenError(
                f"{row} is {row.source or was} already; give --replace to put this file in its place"
            )
        return row

    def _sequences(self, contigs: Iterable[HeaderContig]) -> tuple[dict[int, int], list[str]]:
        """Return the sequences of contigs with an md5, by contig number, and warnings; add unknown sequences."""
        stated = {
            contig.index: (bytes.fromhex(contig.md5), contig.length)
            for contig in contigs
            if contig.md5 and contig.length
        }
        missing = {md5: length for md5, length in stated.values() if md5 not in self._known}
        if missing:
            with connection.cursor() as cursor:
                cursor.execute(_ADD_SEQUENCES, [list(missing), list(missing.values())])
            rows = SequenceRow.objects.filter(md5__in=list(missing)).values_list("pk", "md5", "length")
            found = {bytes(md5): (pk, length) for pk, md5, length in rows}
        else:
            found = {}
        sequences: dict[int, int] = {}
        warnings = []
        for number, (md5, length) in stated.items():
            pk, true_length = self._known.get(md5) or found[md5]
            if length == true_length:
                sequences[number] = pk
            else:
                warnings.append(
                    f"its header gives {md5.hex()} a length of {length}, known with {true_length}"
                )
        transaction.on_commit(lambda: self._known.update(found))
        return sequences, warnings

    def _row(self, before: DataFile | None, reading: FileReading, htsget_id: str) -> DataFile:
        header, index, source = reading.header, reading.index, reading.index_source
        now = timezone.now()
        return DataFile(
            pk=before.pk if before else None,
            dataset=self.dataset,
            kind=SPECS[header.format].kind,
            htsget_id=htsget_id,
            format=header.format.value,
            storage=reading.place.storage,
            key=reading.place.key,
            size=reading.stat.size,
            etag=reading.stat.etag,
            source=_source(reading),
            source_etag=reading.source_stat.etag if reading.copied else "",
            header=header.packed,
            header_end=header.end,
            has_eof=reading.has_eof,
            index_kind=index.kind if index else "",
            index_source=str(source.place) if source else "",
            index_etag=source.etag if source else "",
            index_built=bool(source and source.built),
            unplaced_begin=index.unplaced_begin if index else None,
            version=header.version[:16],
            samples=list(header.samples),
            assembly=_assembly(header.contigs),
            sort_order=header.sort_order if header.sort_order in _SORT_ORDERS else "",
            unplaced=index.unplaced if index else None,
            state=DataFile.State.READY,
            state_reason="",
            state_since=now,
            ingested=now,
        )

    def _contig_rows(
        self,
        pk: int,
        reading: FileReading,
        sequences: Mapping[int, int],
        chosen: Mapping[tuple[str, int | None], int],
    ) -> Iterator[_ContigRow]:
        """Yield the row of each contig of the file in row `pk`."""
        indexes = reading.index.contigs if reading.index else {}
        members = self._collection()
        for contig in reading.header.contigs:
            sequence = sequences.get(contig.index)
            choice = None if sequence or contig.md5 else chosen.get((contig.name, contig.length))
            if choice is not None:
                sequence = choice
            elif contig.md5 is None and contig.length is not None:
                sequence = members.get((contig.name, contig.length))
            if sequence is None and len(self.unlinked) < _MAX_UNLINKED:
                self.unlinked[contig.name] = None
            index = indexes.get(contig.index, _NO_INDEX)
            yield _ContigRow(
                pk,
                contig.index,
                contig.name,
                contig.length,
                bytes.fromhex(contig.md5) if contig.md5 else None,
                list(contig.aliases) or None,
                sequence,
                index.mapped,
                index.unmapped,
                index.packed,
                choice is not None,
            )

    def _collection(self) -> dict[tuple[str, int], int]:
        if self._members is None:
            members = CollectionMember.objects.filter(collection=self.dataset.collection_id)
            rows = (
                members.values_list("name", "sequence__length", "sequence_id")
                if self.dataset.collection_id
                else ()
            )
            self._members = {(name, length): sequence for name, length, sequence in rows}
        return self._members


def _locked_names(reading: FileReading, htsget_id: str) -> list[str]:
    """Return the names of the advisory locks on the id and the objects of a file."""
    format = reading.header.format
    index = [str(reading.index_source.place)] if reading.index_source else []
    return [f"{SPECS[format].kind}/{htsget_id} {format}", str(reading.place), *index]


def _commit_without_waiting() -> None:
    """Let the end of the run make new files durable.

    Until then a crash of the database loses whole files at most, which the next run adds.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")


def _copy_contigs(rows: Iterable[_ContigRow]) -> None:
    with connection.cursor() as cursor, cursor.copy(_COPY_CONTIGS) as copy:
        copy.set_types(_CONTIG_TYPES)
        for row in rows:
            copy.write_row(row)


def _counts(reading: FileReading, contigs: Sequence[_ContigRow], *, replaced: bool) -> dict[str, int]:
    return {
        "contigs": len(contigs),
        "linked": sum(row.sequence is not None for row in contigs),
        "samples": len(reading.header.samples),
        "replaced": int(replaced),
    }


def remove_contigs(file: DataFile) -> None:
    """Remove the contigs of a file, by SQL: Django would read each with its index, for receivers that do nothing."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM catalogue_contig WHERE file_id = %s", [file.pk])


def _chosen_sequences(before: DataFile | None) -> dict[tuple[str, int | None], int]:
    """Return the sequences that a steward chose for contigs of the earlier state of a file, by name and length."""
    if before is None:
        return {}
    rows = Contig.objects.filter(file=before, chosen=True, sequence__isnull=False)
    return {
        (name, length): sequence
        for name, length, sequence in rows.values_list("name", "length", "sequence_id")
        if sequence is not None
    }


def _with_current_objects(reading: FileReading) -> FileReading:
    """Return the reading with the current state of its copy, which another ingest may have stored again.

    Raises ObjectMissing if the copy or the built index was removed before a row referred to it.
    """
    if reading.index_source and reading.index_source.built:
        reading.index_source.place.stat()
    if not reading.copied:
        return reading
    stat = reading.place.stat()
    same = DataFile.objects.filter(storage=reading.place.storage, key=reading.place.key)
    same.exclude(etag=stat.etag).update(etag=stat.etag)
    return replace_fields(reading, stat=stat)


def discard_made(reading: FileReading) -> None:
    """Remove the copy and the built index of a file that could not be registered."""
    made = [reading.index_source.place] if reading.index_source and reading.index_source.built else []
    for ref in (*made, *([reading.place] if reading.copied else [])):
        remove_unless_used(ref)


def _source(reading: FileReading) -> str:
    return str(reading.source) if reading.copied else ""


def _assembly(contigs: Iterable[HeaderContig]) -> str:
    return ", ".join(dict.fromkeys(contig.assembly for contig in contigs if contig.assembly))[:255]
