"""Commands to copy: how to fetch a file, or a region of it, with the programs that researchers use.

Pure functions of an id and a region. From every id that is allowed they make a command that a shell, Python or R reads
back to the same URL: it is percent-encoded ASCII, and quoted by the rules of the language.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from shlex import quote
from typing import Final
from urllib.parse import urlencode

from portal.links import protocol_url
from portal.regions import TypedRegion

#: The file in which the commands expect a token.
TOKEN_FILE: Final = "htsget-token.json"  # noqa: S105 - the name of a file
_RISKS: Final = "I understand the risks"
#: What `sed` makes of that file: the header with the token.
_TOKEN_HEADER: Final = 's/.*"access_token" *: *"\\([^"]*\\)".*/Authorization: Bearer \\1/p'  # noqa: S105
_IGV_DESKTOP: Final = "http://localhost:60151/load"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What to fetch: a file by kind and id from the site at `base`, as it is stored in `format`.

    With `needs_token` the commands send the token of `TOKEN_FILE`.
    """

    base: str
    kind: str
    htsget_id: str
    format: str
    region: TypedRegion | None = None
    needs_token: bool = False

    @property
    def is_reads(self) -> bool:
        """Whether the file has reads; else it has variants."""
        return self.kind == "reads"

    @property
    def parameters(self) -> dict[str, str | int]:
        """The parameters of a request for the region; variants stored as BCF are asked for as BCF."""
        given: dict[str, str | int] = {"format": "BCF"} if self.format == "BCF" else {}
        if self.region is not None:
            given["referenceName"] = self.region.contig
            if self.region.start is not None:
                given["start"] = self.region.start
            if self.region.end is not None:
                given["end"] = self.region.end
        return given

    @property
    def url(self) -> str:
        """The URL of the ticket."""
        return protocol_url(self.base, self.kind, self.htsget_id, **self.parameters)

    @property
    def file_name(self) -> str:
        """A name for what was fetched, of letters that need no quotes."""
        last = re.sub(r"[^A-Za-z0-9._-]+", "_", self.htsget_id.rpartition("/")[2]).strip("._-") or "file"
        return f"{last[:80]}.{'bam' if self.is_reads else 'vcf.gz'}"


@dataclass(frozen=True, slots=True)
class Command:
    """One command: for which program, in which language, what it does, and its text."""

    program: str
    language: str
    about: str
    text: str


def file_commands(target: Target) -> list[Command]:
    """Return the commands for a file, or for a region of it."""
    return [*_htslib(target), _python(target), _r(target), _curl(target), _igv_desktop(target), _gatk(target)]


def sequence_command(base: str, digest: str, *, start: int, end: int) -> str:
    """Return the command that fetches residues `start` to `end`, 0-based and half-open, of a public sequence."""
    return f"curl {quote(f'{base}/sequence/{digest}?' + urlencode({'start': start, 'end': end}))}"


def first_command(target: Target) -> str:
    """Return the shortest command that shows records of a file."""
    return next(_htslib(target)).text


def _htslib(target: Target) -> Iterator[Command]:
    settings = _shell_settings(target)
    if target.is_reads:
        yield Command("samtools", "shell", "print the reads", f"{settings}samtools view {quote(target.url)}")
    else:
        text = f"{settings}bcftools view --no-header {quote(target.url)}"
        yield Command("bcftools", "shell", "print the variants", text)


def _shell_settings(target: Target) -> str:
    """Return the variables that make htslib send the token, in front of a command."""
    if not target.needs_token:
        return ""
    settings = f"HTS_AUTH_LOCATION={TOKEN_FILE} "
    if target.base.startswith("http://"):
        settings = f"HTS_ALLOW_UNENCRYPTED_AUTHORIZATION_HEADER={quote(_RISKS)} {settings}"
    return settings


def _python(target: Target) -> Command:
    lines = ["import os", ""] if target.needs_token else []
    if target.needs_token:
        lines.append(f'os.environ["HTS_AUTH_LOCATION"] = "{TOKEN_FILE}"')
        if target.base.startswith("http://"):
            lines.append(f'os.environ["HTS_ALLOW_UNENCRYPTED_AUTHORIZATION_HEADER"] = "{_RISKS}"')
    lines += ["import pysam", "", f"url = {json.dumps(target.url)}"]
    if target.is_reads:
        lines += [
            "with pysam.AlignmentFile(url) as reads:",
            "    for read in reads:",
            "        print(read.query_name, read.reference_name, read.reference_start, read.cigarstring)",
        ]
    else:
        lines += [
            "with pysam.VariantFile(url) as variants:",
            "    for record in variants:",
            "        print(record.chrom, record.pos, record.ref, record.alts)",
        ]
    return Command("pysam", "Python", "print the records", "\n".join(lines))


def _r(target: Target) -> Command:
    """Return a program in R that follows the ticket with the packages jsonlite and curl."""
    authorisation = ""
    if target.needs_token:
        authorisation = (
            f'token <- jsonlite::fromJSON("{TOKEN_FILE}")$access_token\n'
            'curl::handle_setheaders(handle, Authorization = paste("Bearer", token))\n'
        )
    text = f"""handle <- curl::new_handle()
{authorisation}answer <- curl::curl_fetch_memory({json.dumps(target.url)}, handle)
stopifnot(answer$status_code == 200)
ticket <- jsonlite::fromJSON(rawToChar(answer$content), simplifyVector = FALSE)
out <- file({json.dumps(target.file_name)}, "wb")
for (part in ticket$htsget$urls) {{
  if (startsWith(part$url, "data:")) {{
    bytes <- jsonlite::base64_dec(sub("^[^,]*,", "", part$url))
  }} else {{
    handle <- curl::new_handle()
    if (!is.null(part$headers)) curl::handle_setheaders(handle, .list = part$headers)
    answer <- curl::curl_fetch_memory(part$url, handle)
    stopifnot(answer$status_code %in% c(200, 206))
    bytes <- answer$content
  }}
  writeBin(bytes, out)
}}
close(out)"""
    reader = "Rsamtools::scanBam" if target.is_reads else "VariantAnnotation::readVcf"
    return Command("R", "R", f"save the records to a file, for {reader}", text)


def _curl(target: Target) -> Command:
    text = f"curl {quote(target.url)}"
    if target.needs_token:
        text = f"sed -n {quote(_TOKEN_HEADER)} {TOKEN_FILE} | curl -H @- {quote(target.url)}"
    return Command("curl", "shell", "show the ticket: the URLs whose contents, joined, are the file", text)


def _igv_desktop(target: Target) -> Command:
    """Return the command that makes a running IGV load the file; IGV asks for the regions that it shows by itself."""
    parameters = {"file": protocol_url(target.base, target.kind, target.htsget_id)}
    if target.region is not None:
        parameters["locus"] = str(target.region).replace(",", "")
    text = f"curl {quote(f'{_IGV_DESKTOP}?{urlencode(parameters)}')}"
    about = "load the file into a running IGV (2.11 or later, port 60151); or paste its URL at File, Load from URL"
    if target.needs_token:
        about += ". Give IGV the token first, by its port command setAccessToken"
    return Command("IGV desktop", "shell", about, text)


def _gatk(target: Target) -> Command:
    """Return commands for tools that read only local files."""
    settings, name = _shell_settings(target), quote(target.file_name)
    if target.is_reads:
        fetch = f"samtools view -b -o {name} {quote(target.url)} && samtools index {name}"
        text = f"{settings}{fetch} &&\ngatk CountReads -I {name}"
    else:
        fetch = f"bcftools view -Oz -o {name} {quote(target.url)} && bcftools index -t {name}"
        text = f"{settings}{fetch} &&\ngatk CountVariants -V {name}"
    return Command("GATK", "shell", "fetch the records into a file with an index, and read that", text)
