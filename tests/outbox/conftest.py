"""An outbox works in asyncio alone; where nothing but rests and deadlines takes time, that time is virtual."""

from __future__ import annotations

import anyio
import fakes
import pytest

from sendpulse_async._outbox._delivery import World
from sendpulse_async._outbox._file import FileShelf
from sendpulse_async._outbox._memory import MemoryShelf

from .stage import Stage


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox"


@pytest.fixture(params=["file", "memory"])
def shelf(request, path):
    return FileShelf(path) if request.param == "file" else MemoryShelf()


@pytest.fixture(params=["file", "memory"])
def stage(request, path):
    """Outboxes of both kinds above a scripted network."""
    yield (stage := Stage(path if request.param == "file" else None))
    anyio.run(stage.aclose)


@pytest.fixture
def memory():
    """An outbox without a file, for tests on virtual time: a disk takes real time."""
    yield (stage := Stage(None))
    anyio.run(stage.aclose)


@pytest.fixture
def virtual_time(monkeypatch):
    """Let senders' and outboxes' clocks be the event loop's, and rests as long as they can be."""
    fakes.put_on_virtual_time(monkeypatch)
    fakes.set_defaults(monkeypatch, World, clock=fakes.now, jitter=lambda: 1.0)
