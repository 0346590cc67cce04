"""What the URLs of storages may say, and that a secret in one is refused and not repeated."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest
from pytest_django import Settings

from catalogue.checks import check_storages
from catalogue.errors import StorageMisconfigured
from catalogue.storage import LocalStorage, locate, storage, storages
from catalogue.storage.s3_address import S3Address
from tests.paths import PROJECT


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("s3://bucket", S3Address("bucket")),
        ("s3://bucket/", S3Address("bucket")),
        ("s3://bucket/a/b%20c/?region=eu-west-2", S3Address("bucket", "a/b c/", region="eu-west-2")),
        (
            "s3://my.Bucket_1?endpoint_url=http://127.0.0.1:9000/&profile=reader",
            S3Address("my.Bucket_1", "", "http://127.0.0.1:9000", addressing_style="path", profile="reader"),
        ),
        (
            "s3://bucket?endpoint_url=http%3A%2F%2Fminio%3A9000&public_endpoint_url=https://o.example.org&addressing_style=virtual",
            S3Address("bucket", "", "http://minio:9000", "https://o.example.org"),
        ),
        ("s3://bucket?anonymous=true", S3Address("bucket", anonymous=True)),
        ("s3://bucket?anonymous=false&addressing_style=path", S3Address("bucket", addressing_style="path")),
    ],
)
def test_addresses(url: str, address: S3Address) -> None:
    assert S3Address.from_url(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIDENTITY:HUSHHUSH@bucket/prefix",
        "s3://HUSHHUSH@bucket",
        "s3://bucket?secret_key=HUSHHUSH",
        "s3://bucket?endpoint_url=https://AKIDENTITY:HUSHHUSH@objects.example.org",
        "s3://bucket?public_endpoint_url=https://AKIDENTITY:HUSHHUSH@objects.example.org",
        "s3://bucket?endpoint_url=HUSHHUSH",
        "s3://bucket?endpoint_url=ftp://objects.example.org",
        "s3://bucket?endpoint_url=https://objects.example.org/?x=HUSHHUSH",
        "s3://bucket?region=HUSHHUSH&region=eu-west-2",
        "s3://bucket?region=",
        "s3://bucket?addressing_style=HUSHHUSH",
        "s3://bucket?anonymous=HUSHHUSH",
        "s3://bucket#HUSHHUSH",
        "s3://",
        "s3:///prefix",
        "s3://b",
        "s3://bucket:9000/prefix",
        "s3://-bucket",
        "s3://buck et",
        "s3://[::1/x",
        "gs://bucket",
        "file://host/path",
        "file:relative",
        "file:///path?query=HUSHHUSH",
        "/path",
        "",
    ],
)
def test_what_is_no_address(url: str, settings: Settings) -> None:
    settings.HTSGETSITE_STORAGES = {"wrong": url}
    with pytest.raises(StorageMisconfigured) as caught:
        storage("wrong")
    assert "'wrong'" in str(caught.value)
    (message,) = check_storages(None)
    assert message.id == "catalogue.E001"
    for said in (str(caught.value), str(message), repr(caught.value.__cause__)):
        assert "HUSHHUSH" not in said
        assert "AKIDENTITY" not in said


def test_the_examples_of_the_documentation(settings: Settings) -> None:
    text = (PROJECT / "docs" / "storage.md").read_text(encoding="utf-8")
    described, *policies = (json.loads(block) for block in re.findall("```json\n(.*?)```", text, re.DOTALL))
    settings.HTSGETSITE_STORAGES = described
    assert [place.name for place in storages()] == ["sequences", "cohorts", "lab", "scratch"]
    assert len(policies) == 3
    table = text.partition("| option |")[2].partition("\n\n")[0]
    options = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert set(options) == {field.name for field in fields(S3Address)} - {"bucket", "prefix"}


def test_an_unknown_name() -> None:
    with pytest.raises(StorageMisconfigured):
        storage("no-such-name")


def test_settings_that_change_are_noticed(settings: Settings, tmp_path: Path) -> None:
    for name in ("a", "b"):
        settings.HTSGETSITE_STORAGES = {"tested": (tmp_path / name).as_uri()}
        place = storage("tested")
        assert isinstance(place, LocalStorage)
        assert place.root == tmp_path / name
        assert storage("tested") is place


def test_files_are_located_in_the_innermost_storage(settings: Settings, tmp_path: Path) -> None:
    settings.HTSGETSITE_STORAGES = {
        "outer": tmp_path.as_uri(),
        "inner": (tmp_path / "in side").as_uri(),
        "bucket": "s3://bucket/prefix?region=eu-west-2",
    }
    (tmp_path / "in side").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "in side")
    assert locate(tmp_path / "a" / "b.bam") == ("outer", "a/b.bam")
    assert locate(tmp_path / "in side" / "b.bam") == ("inner", "b.bam")
    assert locate(tmp_path / "link" / "ü b.bam") == ("inner", "ü b.bam")
    assert locate(tmp_path / "in side" / ".." / "b.bam") == ("outer", "b.bam")
    assert locate(Path("/elsewhere/b.bam")) is None
