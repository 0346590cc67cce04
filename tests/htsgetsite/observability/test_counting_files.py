"""Files of counts: no write to one can end its process, and a full disk takes only the counts along."""

import errno
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import mmap_dict

from htsgetsite.observability.counting_files import SIZE, ReservedFile


def counts(path: Path) -> dict[str, float]:
    # prometheus_client's own reader, which has no types.
    kind: Any = mmap_dict.MmapedDict
    return {key: value for key, value, _, _ in kind.read_all_values_from_file(str(path))}


def test_their_disk_is_reserved_before_anything_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "counter_1.db"
    file: Any = ReservedFile(str(path))
    assert path.stat().st_blocks * 512 >= SIZE
    assert counts(path) == {}
    file.write_value("a", 2.0, 0.0)
    assert counts(path) == {"a": 2.0}
    file.close()
    again: Any = ReservedFile(str(path))
    assert again.read_value("a") == (2.0, 0.0)
    again.close()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EDQUOT])
def test_on_a_full_disk_a_process_counts_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, reason: int
) -> None:
    def full(*_: object) -> None:
        raise OSError(reason, "full")

    monkeypatch.setattr("os.posix_fallocate", full)
    file: Any = ReservedFile(str(tmp_path / "counter_1.db"))
    file.write_value("a", 2.0, 0.0)
    assert file.read_value("a") == (2.0, 0.0)
    file.close()
    assert not list(tmp_path.iterdir())
    [line] = caplog.records
    assert line.exc_info is None and str(tmp_path) not in line.getMessage()
