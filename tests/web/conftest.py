"""What a test finds in the environment, and what its application opens."""

from __future__ import annotations

import pytest

from .stage import Opened


@pytest.fixture
def settings(sandbox, monkeypatch, tmp_path):
    """The variables that lead to the sandbox, and a folder of its own for the files of an example."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_settings(monkeypatch, tmp_path):
    """No credentials at all."""
    for name in ("SENDPULSE_EVENT_URL", "SENDPULSE_CLIENT_ID", "SENDPULSE_CLIENT_SECRET", "SENDPULSE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def opened():
    return Opened()
