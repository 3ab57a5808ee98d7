"""Every test of a bulk run is played on asyncio and on trio."""

from __future__ import annotations

import pytest

from sendpulse_async._bulk import _run

from .scripted import VirtualTime


@pytest.fixture(params=["asyncio", "trio"], scope="module")
def anyio_backend(request):
    return request.param


@pytest.fixture
def time():
    """A clock that only sleeping moves."""
    return VirtualTime()


@pytest.fixture
def no_probe_delay(monkeypatch):
    """Let the breaker probe at once, where its wait is not what a test is about."""
    monkeypatch.setattr(_run, "PROBE_DELAY", 0.0)
