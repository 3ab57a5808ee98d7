"""The shops as processes of their own: started as their readers start them, ended by a signal, or never begun."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import httpx
import pytest
import servers
from canaries import assert_silent

from .stage import EXAMPLES, PATIENCE, checkout

SERVE = {
    "fastapi": [sys.executable, "-m", "uvicorn", "{module}:app", "--port", "{port}", "--no-access-log"],
    "aiohttp": [
        sys.executable,
        "-c",
        "from {module} import make_app, web; web.run_app(make_app(), host='127.0.0.1', port={port})",
    ],
}
LEFT = {"fastapi": 3, "aiohttp": 1}
"""What the processes return whose application cannot start."""


@contextlib.contextmanager
def running(kind, module, folder, settings):
    """Run a shop in a folder; yield its process, its port and a function that reads what it said."""
    port = servers.free_port()
    command = [part.format(module=module.format(kind), port=port) for part in SERVE[kind]]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SENDPULSE_")}
    environment = (
        kept
        | settings
        | {"PYTHONPATH": f"{EXAMPLES}:{EXAMPLES.parents[1]}", "PYTHONWARNINGS": "error::ResourceWarning"}
    )
    said = folder / "said"
    with said.open("wb") as file:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=file, stderr=file)
    try:
        yield process, port, said.read_text
    finally:
        process.kill()
        process.wait()


def answer(port):
    """Check out as soon as the shop answers."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            return httpx.post(f"http://127.0.0.1:{port}{checkout(5)}", timeout=PATIENCE)
        time.sleep(0.05)
    raise AssertionError("it never answered")


@pytest.mark.parametrize("kind", SERVE)
def test_a_shop_that_is_told_to_end_leaves_nothing_behind(kind, sandbox, tmp_path):
    """After a checkout and a SIGTERM its event has arrived, once, and the process has ended well."""
    with running(kind, "shop_{}_outbox", tmp_path, sandbox.environment()) as (process, port, said):
        answered = answer(port)
        process.terminate()
        ended = process.wait(PATIENCE)

    assert answered.json() == {"ordered": 5}
    assert ended in (0, -signal.SIGTERM)
    assert "Traceback" not in said()
    assert_silent(said())
    sandbox.assert_sent(email="c5@example.com", variables={"order": 5}, times=1)


@pytest.mark.parametrize("kind", SERVE)
def test_a_shop_without_its_settings_does_not_start(kind, tmp_path):
    """A variable that is not set ends the process at once, and its last words name it."""
    with running(kind, "shop_{}", tmp_path, {}) as (process, _, said):
        assert process.wait(PATIENCE) == LEFT[kind]

    assert "the environment variable SENDPULSE_EVENT_URL is not set" in said()
