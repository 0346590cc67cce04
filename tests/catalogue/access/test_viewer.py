"""The bytes that identify the holder of a data URL."""

from dataclasses import replace

from catalogue.access import (
    ANONYMOUS,
    Viewer,
)


def test_what_stands_for_somebody() -> None:
    ada = Viewer(name="ada", user=1)
    subject = Viewer(name="s at i", issuer="i", subject="s")
    assert ada.holder == replace(ada, name="renamed", token=5, issuer="i", subject="s").holder
    holders = {
        viewer.holder
        for viewer in (ada, replace(ada, user=2), subject, replace(subject, issuer="j"), ANONYMOUS)
    }
    assert len(holders) == 5
    assert ANONYMOUS.holder == bytes(8)
