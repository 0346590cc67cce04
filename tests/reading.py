"""Reads files within the process of the test: to fork one that has loaded all tests takes longer than to read."""

import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import Any

import pytest

from catalogue.ingest.files import pool


class _InThisProcess(Executor):
    """What a `ProcessPoolExecutor` does, at once and here; arguments and results are copied as between processes."""

    _processes = None

    def __init__(self, *arguments: object, **options: object) -> None:
        pass

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            result = work(*_copied(arguments), **_copied(named))
        except Exception as error:
            future.set_exception(_copied(error))
        else:
            future.set_result(_copied(result))
        return future


def _copied(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


@pytest.fixture(scope="session", autouse=True)
def _reads_here() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "ProcessPoolExecutor", _InThisProcess)
        yield


@pytest.fixture
def reader_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read files in processes of their own, as the site does."""
    monkeypatch.setattr(pool, "ProcessPoolExecutor", ProcessPoolExecutor)
