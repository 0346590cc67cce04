"""Makes genes with transcripts and coding sequences from the lines that belong together."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from catalogue.formats.annotation import kinds, naming
from catalogue.formats.annotation.coding import difference, grouped, make_codings, slips
from catalogue.formats.annotation.lines import Line, value, values
from catalogue.formats.annotation.models import Block, Gene, StableId, Transcript
from catalogue.formats.annotation.ordering import Regions, blocks_in_order, enclosing, merged

_IMPLIED_TERM: Final = "transcript"
_GENE_TERM: Final = "gene"


class AssemblyFault(ValueError):
    """Lines that make no sense together; `line` is the number of one of them."""

    def __init__(self, reason: str, *, line: int) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(slots=True)
class _Node:
    """A feature that parts name as their parent: its own lines, if there are any, and its parts by type."""

    lines: list[Line] = field(default_factory=list)
    parts: dict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))
    parent: str = ""

    def of(self, wanted: frozenset[str]) -> list[Line]:
        found = [line for kind in wanted & self.parts.keys() for line in self.parts[kind]]
        return sorted(found, key=lambda line: line.number)

    @property
    def first(self) -> Line:
        """The line that describes it: its own, else that of a part."""
        return self.lines[0] if self.lines else self.of(kinds.PARTS)[0]

    @property
    def kind(self) -> str:
        return self.lines[0].kind if self.lines else ""


@dataclass(frozen=True, slots=True)
class _Draft:
    """A transcript before its blocks are known; `implied` is the id that it gets if no line describes it."""

    node: _Node
    implied: StableId | None = None


def assemble(lines: Sequence[Line], regions: Regions) -> list[Gene]:
    """Return the genes of lines that belong together, in the order of the lines. Raises AssemblyFault."""
    nodes = _nodes(lines)
    genes: dict[str, list[_Draft]] = {
        key: [] for key, node in nodes.items() if kinds.is_gene(node.kind) and not _owner(key, nodes, {})
    }
    loose: dict[str, list[_Draft]] = {}
    for key, node in nodes.items():
        if key not in genes and (node.parts or kinds.is_transcript(node.kind)):
            owner = _owner(key, nodes, genes) or _by_locus(node, nodes, genes)
            group = genes.get(owner) if owner else loose.setdefault(_loose(key, node), [])
            if group is not None:
                group.append(_draft(key, node))
    found = [_gene(nodes[key], drafts, regions) for key, drafts in genes.items()]
    found += [_gene(None, drafts, regions) for drafts in loose.values()]
    return sorted(found, key=lambda gene: gene.line)


def _nodes(lines: Sequence[Line]) -> dict[str, _Node]:
    nodes: dict[str, _Node] = defaultdict(_Node)
    for line in lines:
        parents = values(line.attributes, "Parent")
        own = value(line.attributes, "ID")
        if line.kind not in kinds.PARTS:
            node = nodes[own or f"\0{line.number}"]
            node.lines.append(line)
            node.parent = node.parent or (parents[0] if parents else "")
        for parent in parents if line.kind in kinds.PARTS else ():
            nodes[parent].parts[line.kind].append(line)
            nodes[parent].parent = nodes[parent].parent or value(line.attributes, "Grandparent")
        if line.kind in kinds.PARTS and not parents:
            nodes[f"\0{own or line.number}"].parts[line.kind].append(line)
    return dict(nodes)


def _owner(key: str, nodes: Mapping[str, _Node], genes: Mapping[str, object]) -> str:
    """Return the id of the gene above a feature; without genes, that of any feature above it; "" if there is none."""
    seen = {key}
    while (node := nodes.get(key)) is not None and node.parent and node.parent not in seen:
        key = node.parent
        seen.add(key)
        if key in genes or (not genes and key in nodes and nodes[key].lines):
            return key
    return ""


def _by_locus(node: _Node, nodes: Mapping[str, _Node], genes: Mapping[str, object]) -> str:
    """Return the id of the gene with the locus tag of a feature without parent; "" if there is none."""
    tag = value(node.first.attributes, "locus_tag")
    if not tag or (node.parent and node.parent in nodes):
        return ""
    return next((key for key in genes if value(nodes[key].first.attributes, "locus_tag") == tag), "")


def _loose(key: str, node: _Node) -> str:
    """Return what transcripts of one gene without a line have in common."""
    return node.parent or value(node.first.attributes, "gene_id") or key


def _draft(key: str, node: _Node) -> _Draft:
    if node.lines or value(node.first.attributes, "transcript_id"):
        return _Draft(node)
    if key.startswith("\0"):
        return _Draft(node, naming.gene_id(node.first.attributes))
    # The line of the transcript is missing, but its parts tell its id.
    described = node.first._replace(kind=_IMPLIED_TERM, attributes={"ID": key})
    return _Draft(_Node([described], node.parts, node.parent))


def _gene(node: _Node | None, drafts: list[_Draft], regions: Regions) -> Gene:
    first = node.first if node is not None else drafts[0].node.first
    try:
        stable_id = naming.gene_id(first.attributes)
        if node is not None:
            drafts = _with_direct_parts(node, drafts, stable_id)
        transcripts = [_transcript(draft, regions) for draft in drafts]
        blocks = blocks_in_order(node.lines, regions) if node is not None else []
        around = enclosing(blocks or [block for one in transcripts for block in one.exons])
    except AssemblyFault:
        raise
    except ValueError as error:
        raise AssemblyFault(str(error), line=first.number) from None
    if not stable_id.name:
        stable_id = (
            drafts[0].implied or transcripts[0].stable_id if drafts else StableId(f"line {first.number}")
        )
    gene = Gene(
        stable_id,
        first.number,
        *around,
        so_term=first.kind if node is not None else _GENE_TERM,
        source=first.source,
        transcripts=transcripts,
    )
    naming.describe_gene(gene, first.attributes)
    if not gene.name:
        gene.name = next((coding.name for one in transcripts for coding in one.codings if coding.name), "")
    return gene


def _with_direct_parts(gene: _Node, drafts: list[_Draft], stable_id: StableId) -> list[_Draft]:
    """Return the transcripts of a gene with those that its own exons and coding sequences imply."""
    if not gene.of(kinds.EXONS | kinds.CODING):
        return drafts
    childless = [draft for draft in drafts if not draft.node.parts and draft.node.kind == "mRNA"]
    if len(childless) == 1:
        childless[0].node.parts.update(gene.parts)
        return drafts
    if gene.of(kinds.EXONS):
        return [*drafts, _Draft(_Node([], gene.parts), stable_id)]
    groups = grouped(gene.of(kinds.CODING))
    names = [stable_id, *(StableId(f"{stable_id.name}-{number}") for number in range(2, len(groups) + 1))]
    for name, group in zip(names, groups, strict=True):
        parts: dict[str, list[Line]] = defaultdict(list)
        for line in group:
            parts[line.kind].append(line)
        drafts = [*drafts, _Draft(_Node([], parts), name)]
    return drafts


def _transcript(draft: _Draft, regions: Regions) -> Transcript:
    node = draft.node
    first = node.first
    try:
        own = blocks_in_order(node.lines, regions) if node.lines else []
        around = enclosing(own) if own else None
        crosses = around is not None and around.end > regions[first.seqid].length
        origin = around.start if around is not None and crosses else None
        exon_lines = node.of(kinds.EXONS)
        coding_lines = node.of(kinds.CODING)
        if exon_lines:
            exons = blocks_in_order(exon_lines, regions, origin=origin)
        else:
            exons = _exons_of_parts(node, coding_lines, regions, origin) or own
        transcript = Transcript(
            draft.implied or naming.transcript_id(first.attributes),
            first.number,
            tuple(exons),
            _exon_ids(exon_lines, exons, regions),
            so_term=node.kind or _IMPLIED_TERM,
            implied=draft.implied is not None,
            source=first.source,
            differs=difference(node.lines),
        )
        if not transcript.stable_id.name:
            raise ValueError("a transcript without an id")
        if not transcript.implied:
            naming.describe_transcript(transcript, first.attributes)
        tags = [
            *transcript.tags,
            *(tag for line in coding_lines[:1] for tag in values(line.attributes, "tag")),
        ]
        transcript.codings = make_codings(
            coding_lines,
            node.of(kinds.STOPS),
            node.of(kinds.SELENOCYSTEINES),
            regions,
            tags=tags,
            fallback=transcript.stable_id,
            origin=origin,
        )
    except ValueError as error:
        raise AssemblyFault(str(error), line=first.number) from None
    return transcript


def _exons_of_parts(
    node: _Node, coding_lines: list[Line], regions: Regions, origin: int | None
) -> list[Block]:
    """Return exons made of coding and untranslated parts, where the file has no exons."""
    parts = [*coding_lines, *node.of(kinds.UNTRANSLATED | kinds.STOPS)]
    if not parts:
        return []
    blocks = blocks_in_order(parts, regions, origin=origin)
    # What the ribosome skips is part of the transcript.
    return [enclosing(blocks)] if slips(coding_lines) else merged(blocks)


def _exon_ids(lines: Sequence[Line], exons: Sequence[Block], regions: Regions) -> list[str]:
    """Return the ids of exons in their order; none unless each has one."""
    by_place: dict[tuple[int, int, int], str] = {}
    for line in lines:
        region = regions[line.seqid]
        by_place[region.number, line.start % region.length, line.strand] = naming.exon_id(line.attributes)
    lengths = {info.number: info.length for info in (regions[line.seqid] for line in lines)}
    ids = [
        by_place.get((exon.region, exon.start % lengths.get(exon.region, 1), exon.strand), "")
        for exon in exons
    ]
    return ids if all(ids) else []
