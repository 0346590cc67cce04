"""The report of skipped tests."""

import pytest

from tests.programs import need, summary


def test_a_missing_program_skips_its_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(pytest.skip.Exception, match="no-such-program is not installed"):
        need("no-such-program")


def test_one_line_names_programs_and_packages() -> None:
    reasons = ["Skipped: samtools is not installed"] * 3 + [
        "Skipped: chromedriver is not installed",
        "Skipped: .",
    ]
    assert summary(reasons) == (
        "4 tests were skipped for want of chromedriver, samtools "
        "(to run them: apt-get install chromium-driver samtools)"
    )
    assert summary([*reasons, "the real files of ../shared/data are not there"]).endswith(
        "; 1 for want of real files (to run them: put them into ../shared/data)"
    )
    assert summary(["Skipped: for another reason"]) == ""
