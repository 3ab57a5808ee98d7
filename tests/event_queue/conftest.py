"""Queues are asyncio's alone; each test has one of its own, on servers that the session shares."""

from __future__ import annotations

import pytest
from canaries import assert_silent
from journal.ledger import Ledger

from sendpulse_async.integrations.taskiq import _worker

from .stage import Stage


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def brake(monkeypatch):
    """Let workers of this process be quicker to let go of what was not sent."""
    monkeypatch.setattr(_worker, "BRAKE", 0.05)


@pytest.fixture
def stage(rabbitmq, redis_server, tmp_path):
    """A queue whose workers say nothing of its events."""
    stage = Stage(rabbitmq, redis_server, tmp_path)
    try:
        yield stage
    finally:
        for process in stage.processes:
            process.end()
    assert_silent(*(process.said for process in stage.processes))


@pytest.fixture
def ledger():
    with Ledger() as ledger:
        yield ledger
