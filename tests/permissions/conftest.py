"""The files of the controlled dataset, made once a module, and the site that serves them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from catalogue.models import (
    Dataset,
)
from catalogue.queries.contigs import forget_files
from htsgetsite.authentication import jwt_tokens, keys
from htsgetsite.authentication.issuers import Issuer, VisaIssuer
from tests.htsget_app.made_data import make_data_file, write_bam, write_vcf
from tests.made_crams import make_cram, make_reference
from tests.made_issuer import AUDIENCE, made_issuer
from tests.permissions.made_world import World, everybody


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("secret")
    contigs = [("ctgSecretA", 5432, None), ("ctgSecretB", 5432, None)]
    reads = [(contig, start, 100) for contig in (0, 1) for start in range(0, 5300, 20)]
    variants = [(contig, start) for contig in (0, 1) for start in range(0, 5300, 50)]
    reference = make_reference(folder, contigs={"ctgSecretA": 5432, "ctgSecretB": 5432})
    header = "@HD\tVN:1.6\tSO:coordinate\n@RG\tID:1\tSM:sampleSecret\n"
    header += "@SQ\tSN:ctgSecretA\tLN:5432\n@SQ\tSN:ctgSecretB\tLN:5432\n"
    lines = [
        f"r{contig}.{start}\t0\tctgSecret{contig}\t{start + 1}\t60\t50M\t*\t0\t0\t{'ACGTA' * 10}\t{'F' * 50}"
        for contig in "AB"
        for start in range(0, 5300, 20)
    ]
    return {
        "bam": write_bam(folder / "x.bam", contigs=contigs, reads=reads, unplaced=5, payload=400),
        "cram": make_cram(
            folder, reference=reference, sam=(header, lines), options=("seqs_per_slice=40",)
        ).path,
        "vcf": write_vcf(
            folder / "x.vcf.gz", contigs=[("ctgSecretA", 5432), ("ctgSecretB", 5432)], records=variants
        ),
    }


@pytest.fixture
def world(stored: dict[str, Path], settings: Any) -> Iterator[World]:
    keys.forget_keys()
    jwt_tokens.forget_tokens()
    forget_files()
    settings.HTSGET_INLINE_BYTES = 0
    dataset = Dataset.objects.create(slug="secretdataset", visibility="controlled")
    for path in stored.values():
        make_data_file(path, "x", dataset=dataset)
    call_command("ingest_fasta", str(stored["cram"].with_name("reference.fa")), verbosity=0)
    other = Dataset.objects.create(slug="otherdataset", visibility="controlled")
    with made_issuer() as issuer, made_issuer() as stranger:
        settings.OIDC_ISSUERS = {issuer.url: Issuer(url=issuer.url, audiences=(AUDIENCE,))}
        settings.VISA_ISSUERS = {issuer.url: VisaIssuer(url=issuer.url, key_urls=(issuer.jwks_url,))}
        yield World(dataset, dict(everybody(dataset, other, issuer, stranger)), issuer)
        assert stranger.asked == {}
