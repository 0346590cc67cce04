"""The page of a file: facts, contigs, commands, and igv.js with the file and its reference from this site."""

import json
from typing import Any, Final

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from catalogue.access import Viewer
from catalogue.errors import NotFound
from catalogue.queries import StoredFile
from catalogue.queries import file_details as queries
from catalogue.queries.file_details import FileDetails, Place
from ga4gh.views import site_url
from portal.commands import TOKEN_FILE, Target, file_commands
from portal.links import file_path
from portal.pages import igv, references, tracks
from portal.pages.page import number, page, shown, text
from portal.regions import RegionError, TypedRegion, parse_region

#: Contigs of one page, and samples that a page names.
PAGE, MAX_SAMPLES = 50, 200
PUBLIC: Final = "public"


@page
def file(request: HttpRequest, viewer: Viewer, kind: str, htsget_id: str) -> HttpResponseBase:
    """Describe one file; `part=commands` gives the commands alone, `as` the reference for genome browsers."""
    htsget_id = htsget_id or request.GET.get("id", "")
    try:
        found = queries.files_of_id(viewer=viewer, kind=kind, htsget_id=htsget_id)
    except NotFound:
        if new_id := queries.readable_target(viewer=viewer, kind=kind, former=htsget_id):
            return redirect(file_path(kind, new_id))
        raise
    stored = _chosen(found, request.GET.get("format", ""))
    if (wanted := request.GET.get("as", "")) == "genes":
        return tracks.gene_track(request, stored)
    if wanted:
        return references.reference(request, stored, wanted)
    details = queries.file_details(stored)
    place = queries.place_with_records(stored)
    commands = _commands(request, details, place)
    if request.GET.get("part") == "commands":
        return shown(request, "file_commands.html", commands)
    context = {"file": details, "stored": stored, "formats": [each.format for each in found]}
    response = shown(
        request,
        "file.html",
        context | commands | _listing(request, details) | _browser(request, details, place),
    )
    response.headers["Content-Security-Policy"] = igv.policy(stored, site_url(request))
    return response


def _chosen(found: list[StoredFile], format: str) -> StoredFile:
    """Return the file of a format; the default one if none is named. Raises NotFound."""
    for stored in found:
        if format in ("", stored.format):
            return stored
    raise NotFound(f"{found[0].htsget_id!r} is not stored in the format {format!r}")


def _commands(request: HttpRequest, details: FileDetails, place: Place | None) -> dict[str, Any]:
    """Return the commands for the region that is asked for, or else for the place that the page opens."""
    opened = None if place is None else TypedRegion(place.contig, place.start, place.end)
    typed, fault, region = request.GET.get("region"), "", opened
    if typed is not None:
        try:
            region = _typed(details.stored, typed)
        except RegionError as error:
            fault = str(error)
    target = Target(
        base=site_url(request),
        kind=details.stored.kind,
        htsget_id=details.stored.htsget_id,
        format=details.stored.format,
        region=region,
        needs_token=details.visibility != PUBLIC,
    )
    return {
        "commands": [] if fault else file_commands(target),
        "region": region,
        "region_text": str(region or "") if typed is None else typed,
        "fault": fault,
        "needs_token": target.needs_token,
        "token_file": TOKEN_FILE,
    }


def _typed(stored: StoredFile, typed: str) -> TypedRegion | None:
    """Return the region of a text. Raises RegionError, also for a contig that the file does not have."""
    names = [typed.strip()] if queries.has_contig(stored, typed.strip()) else []
    region = parse_region(typed, names)
    if region is not None and not names and not queries.has_contig(stored, region.contig):
        raise RegionError(f"the file has no contig {region.contig!r}")
    return region


def _listing(request: HttpRequest, details: FileDetails) -> dict[str, Any]:
    """Return one page of the file's contigs, and its samples."""
    part, after = text(request, "contig"), number(request, "after")
    contigs = queries.listed_contigs(details.stored, count=PAGE + 1, text=part, after=after)
    return {
        "contigs": contigs[:PAGE],
        "contig_text": part,
        "after": after,
        "next": contigs[PAGE - 1].number if len(contigs) > PAGE else None,
        "samples": details.samples[:MAX_SAMPLES],
        "sample_count": len(details.samples),
    }


def _browser(request: HttpRequest, details: FileDetails, place: Place | None) -> dict[str, Any]:
    """Return the configuration of igv.js, or why it is not shown."""
    if not details.stored.indexed:
        return {"no_browser": "The file has no index, so regions of it cannot be shown."}
    if place is None:
        reason = (
            "has no records on a contig"
            if details.stored.permission.whole
            else "opens only its header to you"
        )
        return {"no_browser": f"The file {reason}."}
    config = igv.configuration(details.stored, place, public=details.visibility == PUBLIC)
    return {"igv": json.dumps(config), "has_sequence": "fastaURL" in config["reference"]}
