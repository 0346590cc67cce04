"""Builders of catalogue rows for tests that need no ingest."""

from pathlib import Path

from catalogue.formats.digests import sequence_digests
from catalogue.models import Alias, NamingAuthority, ResidueBlob, Sequence
from catalogue.storage import SEQUENCES, storage


def make_sequence(
    residues: bytes, *names: str, circular: bool = False, molecule: str = "dna", held: bool = True
) -> Sequence:
    """A sequence, stored when `held`, with names written `authority:name`."""
    digests = sequence_digests(residues)
    blob = None
    if held:
        key = f"{digests.md5_hex[:2]}/{digests.md5_hex[2:4]}/{digests.md5_hex[4:]}"
        staged: Path = storage(SEQUENCES).staging() / digests.md5_hex
        staged.write_bytes(residues)
        storage(SEQUENCES).put(staged, key)
        blob, _ = ResidueBlob.objects.get_or_create(storage=SEQUENCES, key=key, size=len(residues))
    sequence = Sequence.objects.create(
        md5=digests.md5,
        sha512t24u=digests.sha512t24u,
        length=len(residues),
        circular=circular,
        molecule=molecule,
        blob=blob,
        offset=0 if held else None,
    )
    for name in names:
        make_alias(sequence, name)
    return sequence


def make_alias(sequence: Sequence, qualified: str) -> Alias:
    """A name, written `authority:name`, for a sequence."""
    authority, _, name = qualified.partition(":")
    giver = NamingAuthority.objects.filter(name__iexact=authority).first()
    giver = giver or NamingAuthority.objects.create(name=authority)
    return Alias.objects.create(authority=giver, name=name, sequence=sequence)
