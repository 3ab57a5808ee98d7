"""A breaker that does not wait."""

from __future__ import annotations

import pytest

from sendpulse_async._bulk import _run


@pytest.fixture
def no_probe_delay(monkeypatch):
    """Let the breaker probe at once, where its wait is not what a test is about."""
    monkeypatch.setattr(_run, "PROBE_DELAY", 0.0)
