"""Repairs references: links contigs that have no sequence to the one that a steward chooses."""

from collections.abc import Sequence as List
from dataclasses import dataclass

from django.db import DatabaseError, transaction
from django.db.models import QuerySet

from catalogue.audit import Event, Kind, record
from catalogue.ingest.files.changes import Change, Plan
from catalogue.ingest.files.contig_links import publish_aliases
from catalogue.ingest.outcomes import IngestResult, InputResult, Observer, Outcome
from catalogue.ingest.sentences import counted, named
from catalogue.ingest.transactions import retry_on_deadlock
from catalogue.models import CollectionMember, Contig, DataFile, Dataset, Sequence, SequenceCollection
from catalogue.models.violations import explain
from catalogue.queries.missing_references import ContigGroup, candidates, contigs_of_groups


@dataclass(frozen=True, slots=True)
class LinkContigs(Change):
    """Link every contig of some groups to the sequence `to`, or to members of the collection `to`.

    A member is found by the contig's name, or by an alias of its sequence. Length, and md5 where the header has one,
    have to agree; a contig without a length is linked to a sequence only. What is linked stays when the file is
    ingested again. `to` is what the caller may read.
    """

    files: QuerySet[DataFile]
    groups: List[ContigGroup]
    to: Sequence | SequenceCollection

    def plan(self) -> Plan:
        links = self._links()
        effects: list[str] = []
        refusals: list[str] = []
        contigs = 0
        for group, sequence in links:
            count = contigs_of_groups(self.files, [group]).count()
            contigs += count
            if count:
                effects.append(
                    f"{_described(group)} of {counted(count, 'file')} will be linked to {sequence}."
                )
        linked = {group for group, _ in links}
        if left := [group for group in self.groups if group not in linked]:
            said = f"{named([_described(group) for group in left])}: {self._why(left[0])}"
            (effects if links else refusals).append(said)
        if isinstance(self.to, Sequence) and left:
            refusals = [f"{_described(group)}: {self._why(group)}" for group in left]
        if contigs:
            effects.append(
                "Requests can then use every name of the sequence, and conversions its residues, where they are held."
            )
        return Plan(
            f"Link {counted(contigs, 'contig')} to {self.to}", contigs, tuple(effects), (), tuple(refusals)
        )

    def _links(self) -> list[tuple[ContigGroup, Sequence]]:
        """Return the groups that can be linked, each with its sequence."""
        if isinstance(self.to, Sequence):
            return [(group, self.to) for group in self.groups if _agrees(group, self.to)]
        members = CollectionMember.objects.filter(collection=self.to)
        links = []
        for group in self.groups:
            found = candidates(group, members)
            if len(found) == 1:
                links.append((group, Sequence.objects.get(pk=found[0])))
        return links

    def _why(self, group: ContigGroup) -> str:
        if isinstance(self.to, SequenceCollection):
            return f"{self.to} has no member, or several, of this name and length; left as it is."
        if group.length not in (None, self.to.length):
            return f"the sequence has {self.to.length:,} residues, the header says {group.length:,}."
        return f"the header gives the md5 {group.md5}, which the sequence does not have."

    def _apply(self, observer: Observer) -> IngestResult:
        links = self._links()
        result = IngestResult(total=len(links))
        for done, (group, sequence) in enumerate(links, start=1):
            one = self._link(group, sequence)
            result.inputs.append(one)
            observer.finished(one)
            observer.progressed("linked", done, result.total)
        return result

    def _link(self, group: ContigGroup, sequence: Sequence) -> InputResult:
        def transact() -> int:
            with transaction.atomic():
                contigs = contigs_of_groups(self.files, [group])
                rows = list(
                    contigs.select_for_update(of=("self",)).values_list("pk", "file", "file__dataset")
                )
                linked = Contig.objects.filter(pk__in=[pk for pk, _, _ in rows], sequence=None)
                count: int = linked.update(sequence=sequence, chosen=True)
                for dataset in Dataset.objects.filter(pk__in={dataset for _, _, dataset in rows}):
                    detail = {"change": "linked", "contig": group.name, "to": str(sequence), "contigs": count}
                    target = f"sequence {sequence.pk}: {sequence}"
                    record(Event(Kind.ADMIN, dataset=dataset.slug, target=target, detail=detail))
                    publish_aliases(dataset)
                return count

        try:
            return InputResult(
                _described(group), Outcome.CHANGED, counts={"linked": retry_on_deadlock(transact)}
            )
        except DatabaseError as error:
            return InputResult(_described(group), Outcome.FAILED, explain(error))


def _agrees(group: ContigGroup, sequence: Sequence) -> bool:
    return group.length in (None, sequence.length) and group.md5 in (None, bytes(sequence.md5).hex())


def _described(group: ContigGroup) -> str:
    length = "of unknown length" if group.length is None else f"of {group.length:,} bases"
    return f"contig {group.name[:100]} {length}"
