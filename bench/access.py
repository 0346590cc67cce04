"""Measure what authentication, authorisation and the audit add to a ticket (`python -m bench.access`).

It measures each step alone, then tickets for one region of a small file, in one process without a network: anonymous
requests for a public dataset, in turn with each kind of credentials for a controlled one. It prints medians in
milliseconds, after a warm-up.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from unittest.mock import patch

from bench.refget_site import own_site

PATH = "/reads/{}?referenceName=1&start=3000&end=3100"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1500)
    options = parser.parse_args()
    # High rate limits, so that no request is refused; requests are still counted.
    os.environ["THROTTLE_TICKETS_ADDRESS"] = os.environ["THROTTLE_TICKETS_USER"] = "999999/second"
    with own_site() as home, everybody(home) as credentials:
        steps(credentials, rounds=options.rounds)
        tickets(credentials, rounds=options.rounds)


@contextmanager
def everybody(home: Path) -> Iterator[dict[str, tuple[str, str | None]]]:
    """Set up viewers; yield the id that each requests, and its token."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.db import transaction

    from catalogue import api_tokens
    from catalogue.models import Dataset
    from htsgetsite.authentication.issuers import Issuer, VisaIssuer
    from tests.catalogue.made_access import VISA, make_grant
    from tests.htsget_app.made_data import make_data_file, write_bam
    from tests.made_issuer import AUDIENCE, made_issuer

    reads = [(0, start, 100) for start in range(0, 100_000, 50)]
    path = write_bam(home / "x.bam", contigs=[("1", 100_000, None)], reads=reads)
    for name, visibility in (("open", "public"), ("closed", "controlled")):
        with transaction.atomic():
            make_data_file(path, name, dataset=Dataset.objects.create(slug=name, visibility=visibility))
    closed = Dataset.objects.get(slug="closed")

    def account(name: str, **grant: Any) -> str:
        user = User.objects.create_user(name)
        make_grant(closed, user, **grant)
        return api_tokens.issue(user=user, name="bench", scopes=["reads"])[1]

    with made_issuer() as issuer:
        settings.OIDC_ISSUERS = {issuer.url: Issuer(url=issuer.url, audiences=(AUDIENCE,))}
        settings.VISA_ISSUERS = {issuer.url: VisaIssuer(url=issuer.url, key_urls=(issuer.jwks_url,))}
        make_grant(closed, VISA)
        visa = issuer.visa(VISA.value, exp=int(time.time()) + 3600)
        yield {
            "anybody, public": ("open", None),
            "API token, public": ("open", account("first")),
            "API token, granted": ("closed", account("second")),
            "API token, one region": ("closed", account("third", regions=[("1", 1000, 50_000)])),
            "passport of one visa": (
                "closed",
                issuer.token(exp=int(time.time()) + 3600, ga4gh_passport_v1=[visa]),
            ),
        }


def steps(credentials: dict[str, tuple[str, str | None]], *, rounds: int) -> None:
    """Measure each step alone."""
    from catalogue import audit, rate_limits
    from catalogue.access import Asked, permissions, stands
    from catalogue.audit import Event, Kind
    from catalogue.models import DataFile
    from catalogue.rate_limits import Rate
    from htsgetsite.authentication import jwt_tokens
    from htsgetsite.authentication.bearer import viewer_of

    file = DataFile.objects.select_related("dataset").get(htsget_id="closed")
    asked = [Asked(file.pk, file.kind, file.dataset_id, file.dataset.visibility)]
    api, passport = (
        f"Bearer {credentials[who][1]}" for who in ("API token, granted", "passport of one visa")
    )
    viewer = viewer_of(api)
    lease = permissions(viewer, asked)[file.pk].lease

    def anew() -> None:
        jwt_tokens.forget_tokens()
        viewer_of(passport)

    print("step                                    median     p95  ms")
    for name, work in (
        ("authenticate, API token", lambda: viewer_of(api)),
        ("authenticate, passport seen before", lambda: viewer_of(passport)),
        ("authenticate, passport anew (2 RSA)", anew),
        ("authorise by a grant", lambda: permissions(viewer, asked)),
        (
            "check a lease at delivery",
            lambda: stands(lease, kind="reads", dataset=file.dataset_id, visibility="controlled"),
        ),
        ("record in the audit", lambda: audit.record(Event(Kind.TICKET, target="reads/x"), viewer=viewer)),
        ("count against a rate", lambda: rate_limits.count("bench", Rate(10**9, 60))),
    ):
        times = timed(work, rounds)
        print(f"{name:38} {median(times):8.3f} {quantiles(times, n=20)[18]:7.3f}")


def tickets(credentials: dict[str, tuple[str, str | None]], *, rounds: int) -> None:
    """Measure whole tickets; the last column is the time beyond that of a public one."""
    from django.core.handlers.wsgi import WSGIHandler

    site = WSGIHandler()
    askers: dict[str, Callable[[], None]] = {
        who: asker(site, PATH.format(name), token) for who, (name, token) in credentials.items()
    }
    # Shows the share of the audit, which waits for the disk if data are not public.
    silent = ("anybody, public", "API token, granted")
    askers |= {f"{who}, nothing recorded": unrecorded(askers[who]) for who in silent}
    times: dict[str, list[float]] = {who: [] for who in askers}
    # In turn, so that other work on the machine affects all equally.
    for number in range(rounds):
        for who, work in askers.items():
            started = time.perf_counter()
            work()
            if number >= rounds // 10:
                times[who].append((time.perf_counter() - started) * 1000)
    print("\nticket                                      median     p95  on top of the first  ms")
    public = median(times["anybody, public"])
    for who, each in times.items():
        middle = median(each)
        print(f"{who:42} {middle:7.3f} {quantiles(each, n=20)[18]:7.3f} {middle - public:20.3f}")


def unrecorded(work: Callable[[], None]) -> Callable[[], None]:
    """Switch off the audit and the rate limits."""
    from catalogue import audit, rate_limits

    def ask() -> None:
        with patch.object(audit, "record"), patch.object(rate_limits, "count", return_value=None):
            work()

    return ask


def asker(site: Any, path: str, token: str | None) -> Callable[[], None]:
    """Request one ticket and read it."""
    target, _, query = path.partition("?")
    environ = {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": target, "QUERY_STRING": query,
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "localhost",
        "REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http", "wsgi.input": BytesIO(), "wsgi.errors": BytesIO(),
        **({"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}),
    }  # fmt: skip
    statuses: list[str] = []

    def ask() -> None:
        response = site(dict(environ), lambda status, headers: statuses.append(status))
        b"".join(response)
        response.close()
        assert statuses.pop() == "200 OK"

    return ask


def timed(work: Callable[[], object], rounds: int) -> list[float]:
    """Return the milliseconds of each call, without the first tenth of the calls."""
    times = []
    for number in range(rounds):
        started = time.perf_counter()
        work()
        if number >= rounds // 10:
            times.append((time.perf_counter() - started) * 1000)
    return times


if __name__ == "__main__":
    main()
