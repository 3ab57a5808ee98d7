"""A journal in a folder of its own, a network that follows a script, and real time, which its disk needs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from .processes import Processes

MEMORY = Path("/dev/shm")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.journal"


@pytest.fixture
def quick_folder(tmp_path):
    """A folder where nothing waits for a disk, if the system has one: for tests that open journals by the hundred."""
    if not MEMORY.is_dir():
        yield tmp_path
    else:
        with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
            yield Path(folder)


@pytest.fixture(scope="session")
def processes():
    """The parent of runs in processes of their own; beginning it takes a second."""
    with Processes() as processes:
        yield processes
