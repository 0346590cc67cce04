"""Commands to copy: quoted and encoded for every id, and the same region in each. They are run in test_copied.py."""

import ast
import json
import re
import shlex
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as some

from portal.commands import TOKEN_FILE, Command, Target, file_commands, first_command, sequence_command
from portal.regions import TypedRegion

IDS = some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
REGIONS = some.none() | some.builds(
    TypedRegion, IDS, some.none() | some.integers(0, 2**31), some.none() | some.integers(1, 2**32 - 1)
)


def by_program(target: Target) -> dict[str, Command]:
    return {command.program: command for command in file_commands(target)}


def url_in(command: Command) -> str:
    """The URL that the program gets, read by the rules of its language."""
    match command.language:
        case "Python":
            (value,) = [
                node.value
                for node in ast.walk(ast.parse(command.text))
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "url"
            ]
            return str(ast.literal_eval(value))
        case "R":
            found = re.search(r'curl_fetch_memory\(("(?:[^"\\]|\\.)*"), handle\)', command.text)
            assert found is not None
            return str(json.loads(found[1]))
        case _:
            return next(word for word in shlex.split(command.text) if word.startswith("http"))


def assert_asks_for(url: str, target: Target) -> None:
    parts = urlsplit(url)
    assert unquote(parts.path) == f"/{target.kind}/{target.htsget_id}"
    asked = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    region = target.region
    wanted = {"format": "BCF"} if target.format == "BCF" else {}
    if region is not None:
        wanted["referenceName"] = region.contig
        wanted |= {} if region.start is None else {"start": str(region.start)}
        wanted |= {} if region.end is None else {"end": str(region.end)}
    assert asked == wanted


@examples(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    IDS,
    REGIONS,
    some.sampled_from(["reads BAM", "reads CRAM", "variants VCF", "variants BCF"]),
    some.booleans(),
    some.sampled_from(["http://localhost:1", "https://data.example.org/path"]),
)
def test_every_command_asks_for_the_same(
    htsget_id: str, region: TypedRegion | None, what: str, needs_token: bool, site: str
) -> None:
    kind, format = what.split()
    base = site.removesuffix("/path")
    target = Target(
        base=base, kind=kind, htsget_id=htsget_id, format=format, region=region, needs_token=needs_token
    )
    for program, command in by_program(target).items():
        if program == "IGV desktop":
            asked = parse_qs(urlsplit(url_in(command)).query)
            assert unquote(urlsplit(asked["file"][0]).path) == f"/{kind}/{htsget_id}"
        else:
            assert_asks_for(url_in(command), target)
        assert (TOKEN_FILE in command.text) is (needs_token and program != "IGV desktop"), program


def test_file_names_need_no_quotes() -> None:
    for htsget_id in ("a/b", "-rf", "..", "$(x)", "a b", "ä", "x" * 500, "/"):
        target = Target(base="http://h", kind="reads", htsget_id=htsget_id, format="BAM")
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,84}", target.file_name), htsget_id


@pytest.mark.parametrize(("base", "unencrypted"), [("http://h", True), ("https://h", False)])
def test_a_token_goes_unencrypted_where_there_is_no_other_way(base: str, unencrypted: bool) -> None:
    target = Target(base=base, kind="reads", htsget_id="a", format="BAM", needs_token=True)
    for program in ("samtools", "pysam", "GATK"):
        text = by_program(target)[program].text
        assert ("HTS_ALLOW_UNENCRYPTED_AUTHORIZATION_HEADER" in text) is unencrypted
        assert "HTS_AUTH_LOCATION" in text


def test_the_commands_of_the_home_page() -> None:
    target = Target(
        base="http://h", kind="variants", htsget_id="a", format="VCF", region=TypedRegion("1", 0, 5)
    )
    assert first_command(target) == (
        "bcftools view --no-header 'http://h/variants/a?referenceName=1&start=0&end=5'"
    )
    assert (
        sequence_command("http://h", "SQ.x", start=0, end=5) == "curl 'http://h/sequence/SQ.x?start=0&end=5'"
    )
