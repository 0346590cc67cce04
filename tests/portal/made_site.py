"""A site of its own with the demonstration, and the same reads and variants again in a dataset that is closed."""

import json
from dataclasses import dataclass
from pathlib import Path

from tests.live import Site, make_site

#: An id of characters that shells, URLs and languages give a meaning.
AWKWARD = "dir/a b&c=d?e#f%g+h'i\"j$(k)`l`;m*ü"
CLOSED = "clinic/patient 1"
SAMPLE = "PatientOne"
READER, STRANGER, PASSWORD = "researcher", "visitor", "correct horse battery staple"

_ACCOUNTS = f"""
from django.contrib.auth.models import User
from catalogue import api_tokens
from catalogue.models import Dataset, Grant, DataFile
reader = User.objects.create_user({READER!r}, password={PASSWORD!r})
User.objects.create_user({STRANGER!r}, password={PASSWORD!r})
Grant.objects.create(dataset=Dataset.objects.get(slug="clinic"), user=reader)
DataFile.objects.filter(htsget_id={CLOSED!r}).update(samples=[{SAMPLE!r}])
print(api_tokens.issue(user=reader, name="tests", scopes=["reads", "variants"])[1])
"""


@dataclass(frozen=True, slots=True)
class PortalSite:
    """The site, before it is served, and a token of the account that may read everything."""

    site: Site
    token: str

    @property
    def bam(self) -> Path:
        """The reads of every file of reads there."""
        return self.site.home / "demo/ada.bam"

    @property
    def vcf(self) -> Path:
        """The variants of every file of variants there."""
        return self.site.home / "demo/people.vcf.gz"

    def write_token(self, folder: Path) -> None:
        """Write the file that the commands read a token from."""
        (folder / "htsget-token.json").write_text(json.dumps({"access_token": self.token}) + "\n")


def make_portal_site(home: Path) -> PortalSite:
    """Make the site: `ada` and `people` of the demonstration, an awkward id beside them, and the closed dataset."""
    site = make_site(home)
    site.manage("demo", "--no-serve")
    for command, file in (("ingest_bam", "ada.bam"), ("ingest_vcf", "people.vcf.gz")):
        for dataset, htsget_id, *more in (("demo", AWKWARD), ("clinic", CLOSED, "--title", "The clinic")):
            site.manage(
                command, home / "demo" / file, "--copy", "--dataset", dataset, "--id", htsget_id,
                "--collection", "Demonstration genome", *more,
            )  # fmt: skip
    token = site.manage("shell", "--verbosity", "0", "-c", _ACCOUNTS).stdout.strip().splitlines()[-1]
    return PortalSite(site, token)
