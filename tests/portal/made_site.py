"""A site of its own with the demonstration, and the same reads and variants again in a dataset that is closed."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.live import Site, make_site
from tests.made_once import made_once

#: The collection of the demonstration.
GENOME = "Demonstration genome"

#: An id of characters that shells, URLs and languages give a meaning.
AWKWARD = "dir/a b&c=d?e#f%g+h'i\"j$(k)`l`;m*ü"
CLOSED = "clinic/patient 1"
SAMPLE = "PatientOne"
READER, STRANGER, PASSWORD = "researcher", "visitor", "correct horse battery staple"

#: The file of the home that holds a token of the researcher.
_TOKEN = "token.txt"
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


#: A gene of two transcripts, where the demonstration has the beginning of a protein.
_FEATURES = (
    ("gene", 21001, 23000, "ID=gene:G0001;Name=DMG1;biotype=protein_coding;description=a made gene"),
    (
        "mRNA",
        21001,
        23000,
        "ID=transcript:T0001;Parent=gene:G0001;biotype=protein_coding;tag=Ensembl_canonical",
    ),
    ("exon", 21001, 21700, "Parent=transcript:T0001"),
    ("exon", 22501, 23000, "Parent=transcript:T0001"),
    ("CDS", 21501, 21560, "ID=CDS:P0001;Parent=transcript:T0001;protein_id=P0001"),
    ("lnc_RNA", 21801, 22900, "ID=transcript:T0002;Parent=gene:G0001;biotype=lncRNA"),
    ("exon", 21801, 22000, "Parent=transcript:T0002"),
    ("exon", 22601, 22900, "Parent=transcript:T0002"),
)


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
    """Make the site: `ada` and `people` of the demonstration, an awkward id beside them, and the closed dataset.

    It is a copy of one that is made once a test run.
    """
    home.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", f"{made_once('portal', _make)}/.", home], check=True)
    # Every test signs in from one address.
    site = Site(home, {"THROTTLE_SIGN_IN": "none", "THROTTLE_SIGN_IN_ACCOUNT": "none"})
    return PortalSite(site, (home / _TOKEN).read_text())


def _make(home: Path) -> None:
    site = make_site(home, demo=True)
    commands: list[list[str | Path]] = []
    for command, file in (("ingest_bam", "ada.bam"), ("ingest_vcf", "people.vcf.gz")):
        for dataset, htsget_id, *more in (("demo", AWKWARD), ("clinic", CLOSED, "--title", "The clinic")):
            options = ("--copy", "--dataset", dataset, "--id", htsget_id, "--collection", GENOME, *more)
            commands.append([command, site.home / "demo" / file, *options])
    told = site.prepare(*commands, annotation(site), ["shell", "--verbosity", "0", "-c", _ACCOUNTS])
    (home / _TOKEN).write_text(told.strip().splitlines()[-1])


def annotation(site: Site) -> list[str | Path]:
    """Return the command that adds a gene to the genome of the demonstration."""
    genes = site.home / "genes.gff3"
    lines = [
        f"Demo_1\tmade\t{kind}\t{first}\t{last}\t.\t+\t{'0' if kind == 'CDS' else '.'}\t{attributes}\n"
        for kind, first, last, attributes in _FEATURES
    ]
    genes.write_text("##gff-version 3\n" + "".join(lines))
    return [
        "ingest_gff3", genes, "--collection", GENOME, "--genome-id", "demo-1",
        "--authority", "made", "--scientific-name", "Fictus exemplum",
    ]  # fmt: skip
