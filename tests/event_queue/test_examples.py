"""The how-to page's way from a request that waits to a queue, played with a real application and real workers."""

from __future__ import annotations

import contextlib
import difflib
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import servers
from canaries import assert_silent

from sendpulse_async.sandbox import Fault

from .stage import PATIENCE

pytestmark = pytest.mark.timeout(110)

EXAMPLES = Path(__file__).parents[2] / "docs/examples"


@pytest.fixture
def environment(rabbitmq, redis_server, sandbox):
    """What the page tells to set."""
    places = {"AMQP_URL": rabbitmq.url, "REDIS_URL": redis_server.url}
    return os.environ | places | sandbox.environment() | {"PYTHONWARNINGS": "error::ResourceWarning"}


@contextlib.contextmanager
def running(folder, environment, *command):
    """Run a module as a shell would, beside the examples, and end it by SIGTERM; it says no secret."""
    output = folder / command[0]
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=EXAMPLES, env=environment, stdout=file, stderr=file
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)
    assert_silent(*(line for line in output.read_text().splitlines() if "POST /orders" not in line))  # its access log


def until(is_true):
    deadline = time.monotonic() + PATIENCE
    while not is_true():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)


@contextlib.contextmanager
def application(folder, environment, name):
    """Serve an example with uvicorn, and return a client for it."""
    port = servers.free_port()
    with (
        running(folder, environment, "uvicorn", f"{name}:app", "--port", str(port)),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):

        def answers():
            with contextlib.suppress(httpx.TransportError):
                return client.get("/docs").is_success

        until(answers)
        yield client


def order(client, number):
    return client.post(f"/orders/{number}", params={"email": "someone@example.com"})


def test_before(tmp_path, environment, sandbox):
    """The request waits for SendPulse, and fails with it."""
    with application(tmp_path, environment, "queue_before") as client:
        assert order(client, 1).json() == {"ordered": 1}
        assert [entry.payload["order"] for entry in sandbox.events] == [1]
        sandbox.add_fault(Fault(status=400))
        assert order(client, 2).status_code == 500


def test_after(tmp_path, environment, sandbox):
    """The request waits for RabbitMQ alone; what was put before a worker ran is sent by it, each order once."""
    with application(tmp_path, environment, "queue_after") as client:
        for number in (1, 2, 2):
            assert order(client, number).json() == {"ordered": number}
        assert not sandbox.events
        with running(tmp_path, environment, "taskiq", "worker", "queue_events:broker", "--workers", "2"):
            assert order(client, 3).json() == {"ordered": 3}
            until(lambda: sandbox.accepted_count == 3)

    assert sorted(entry.payload["order"] for entry in sandbox.events) == [1, 2, 3]
    assert {entry.email for entry in sandbox.events} == {"someone@example.com"}


def test_few_lines_change():
    """From one to the other ten lines are written anew: imports, what the lifespan opens, and the call."""
    before, after = ((EXAMPLES / f"queue_{when}.py").read_text().splitlines() for when in ("before", "after"))
    written = [line for line in difflib.ndiff(before, after) if line.startswith("+ ") and line[2:].strip()]

    assert len(written) <= 10
