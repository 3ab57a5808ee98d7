"""`sandbox`: the stand-in in the foreground."""

from __future__ import annotations

import re

import httpx
import pytest

from sendpulse_async.cli import _consoles


def test_it_serves_until_ctrl_c(terminal, process, write):
    """It shows what to copy, takes what is sent with it, and ends with code 0."""
    child = terminal("sandbox", "--port", "0")
    child.expect(r"(http://127\.0\.0\.1:\d+)")
    origin = child.match[1]
    lines = []
    for _ in range(4):
        child.expect(r"(export SENDPULSE_\w+=\S+)\r\n")
        lines.append(child.match[1])
    child.expect("send --door raw")
    environment = write("sandbox.env", "\n".join(lines))

    for door in (["raw"], ["name", "--event-name", "purchase"]):
        sent = process("send", "--email", "ann@example.com", "--env-file", environment, "--door", *door)
        assert sent.code == 0, sent.err

    assert httpx.get(f"{origin}/_sandbox/events", trust_env=False).status_code == 200
    child.sendintr()
    child.expect("\\^C|\r\n")
    assert child.wait() == 0


def test_a_taken_port_is_wrong_usage(cli, sandbox):
    """A port that is in use is one clear line with a way out."""
    port = sandbox.origin.rpartition(":")[2]

    ended = cli("sandbox", "--port", port)

    assert ended.code == 2
    assert re.match(rf"sendpulse-async: the sandbox cannot listen on 127\.0\.0\.1:{port}: [^:(]*; .*", ended.err)
    assert "--port 0 takes any free port" in ended.err


@pytest.mark.parametrize(
    ("options", "words"), [(["--host", "0.0.0.0"], "host must be"), (["--port", "70000"], "port must be")]
)
def test_a_place_that_it_must_not_take_is_wrong_usage(cli, options, words):
    """It listens on this machine alone."""
    ended = cli("sandbox", *options)

    assert ended.code == 2
    assert words in ended.err


def test_hints_can_be_typed_as_they_are(monkeypatch, tmp_path):
    """Commands are shown by the script where it is on the path, else by the Python that runs."""
    monkeypatch.setattr(_consoles.shutil, "which", lambda name: f"/bin/{name}")
    assert _consoles.how_to_call() == "sendpulse-async"

    monkeypatch.setattr(_consoles.shutil, "which", lambda _: None)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_consoles.sys, "executable", str(tmp_path / ".venv/bin/python"))
    assert _consoles.how_to_call() == ".venv/bin/python -m sendpulse_async"

    monkeypatch.setattr(_consoles.sys, "executable", "/usr/bin/python3")
    assert _consoles.how_to_call() == "/usr/bin/python3 -m sendpulse_async"
