"""Measure requests for 1,000-base slices of random cached sequences (`python -m bench.refget_slices`).

The applications take turns in each round, and medians are compared, so that other work on the machine affects all
equally. Other refget servers, given by their URLs, take their turns with the same requests, if they hold the sequences
of the FASTA file that `--fasta` writes.
"""

import argparse
import random
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench.refget_site import Load, hold, make_residues, own_site, press, serving

SLICE = 1000


def main() -> None:
    """Print one line for each application, and two ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "urls", nargs="*", metavar="URL", help="other refget servers, without a slash at the end"
    )
    parser.add_argument("--fasta", type=Path, help="write the sequences into this file, and measure nothing")
    parser.add_argument("--sequences", type=int, default=100)
    parser.add_argument("--length", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sequences = [make_residues(options.length, seed) for seed in range(options.sequences)]
    if options.fasta:
        options.fasta.write_bytes(b"".join(b">%d\n%s\n" % (at, one) for at, one in enumerate(sequences)))
        return
    measure(sequences, options)


def measure(sequences: Sequence[bytes], options: argparse.Namespace) -> None:
    """Serve the sequences by each application, and press them in turns."""
    with own_site(), ExitStack() as servers:
        names = [hold(residues) for residues in sequences]
        chosen = random.Random(7)
        targets = []
        for _ in range(20_000):
            start = chosen.randrange(options.length - SLICE)
            targets.append(f"/sequence/{chosen.choice(names)}?start={start}&end={start + SLICE}")
        ways = {
            "fast path, 1 worker": ("site", 1),
            "fast path, 2 workers": ("site", 2),
            "Django and DRF, 1 worker": ("django", 1),
            "bare Django view, 1 worker": ("bare", 1),
            "WSGI callable, 1 worker": ("callable", 1),
        }
        urls = {
            way: servers.enter_context(serving(app, workers=workers)) for way, (app, workers) in ways.items()
        }
        urls |= {url: url for url in options.urls}
        seen: dict[str, list[Load]] = {way: [] for way in urls}
        for url in urls.values():
            press(url, targets, seconds=1)
        for _ in range(options.rounds):
            for way, url in urls.items():
                seen[way].append(press(url, targets, seconds=options.seconds))
    rates = {way: median(load.rate for load in loads) for way, loads in seen.items()}
    for way, loads in seen.items():
        print(
            f"{way:28} {rates[way]:8.0f} requests/s   median {median(load.median for load in loads):6.2f} ms"
            f"   p99 {median(load.p99 for load in loads):6.2f} ms   errors {sum(load.errors for load in loads)}"
        )
    print(
        f"DRF against a bare view: {rates['bare Django view, 1 worker'] / rates['Django and DRF, 1 worker']:.2f}"
    )
    print(f"2 workers against 1: {rates['fast path, 2 workers'] / rates['fast path, 1 worker']:.2f}")
    for way in ("WSGI callable, 1 worker", *options.urls):
        print(f"fast path, 1 worker, against {way}: {rates['fast path, 1 worker'] / rates[way]:.2f}")


if __name__ == "__main__":
    main()
