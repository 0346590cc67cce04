"""The home page: a search box, what is public, and commands that work as they stand."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from catalogue.access import ANONYMOUS, Viewer
from catalogue.queries import collections, datasets, examples
from catalogue.queries.cache import Cache
from ga4gh.views import site_url
from portal.commands import Target, first_command, sequence_command
from portal.pages.page import page, shown
from portal.regions import TypedRegion

#: Datasets and assemblies that the home page names; the search finds the others.
MAX_LISTED = 12
#: Residues that the first command fetches.
_RESIDUES = 60
#: Seconds for which a process keeps the examples: looking for them reads every public file.
_SECONDS = 60.0
_cache = Cache("examples", 1 << 20)


@page
def home(request: HttpRequest, viewer: Viewer) -> HttpResponseBase:
    """Show the datasets and assemblies that everybody may see, and three first commands."""
    listed = datasets.datasets(viewer=ANONYMOUS, count=MAX_LISTED + 1)
    assemblies, total = collections.collections(start=0, count=MAX_LISTED, viewer=ANONYMOUS)
    context: dict[str, Any] = {
        "datasets": listed[:MAX_LISTED],
        "more_datasets": len(listed) > MAX_LISTED,
        "assemblies": assemblies,
        "more_assemblies": total > len(assemblies),
    }
    context["commands"] = _commands(_examples(), site_url(request))
    return shown(request, "home.html", context)


def _examples() -> examples.Examples:
    known = _cache.get(("examples",))
    if isinstance(known, examples.Examples):
        return known
    found = examples.public_examples()
    _cache.put(("examples",), found, 1000, seconds=_SECONDS)
    return found


def forget_examples() -> None:
    """Empty the cache of this process."""
    _cache.clear()


def _commands(found: examples.Examples, base: str) -> list[tuple[str, str]]:
    """Return commands with what each fetches."""
    commands = []
    if found.sequence is not None:
        end = min(_RESIDUES, found.sequence.length)
        commands.append(
            ("Residues of a sequence", sequence_command(base, found.sequence.digest, start=0, end=end))
        )
    for about, example, kind in (("Reads", found.reads, "reads"), ("Variants", found.variants, "variants")):
        if example is not None:
            region = TypedRegion(example.place.contig, example.place.start, example.place.end)
            target = Target(
                base=base, kind=kind, htsget_id=example.htsget_id, format=example.format, region=region
            )
            commands.append((f"{about} of a region", first_command(target)))
    return commands
