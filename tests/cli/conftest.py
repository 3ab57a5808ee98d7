"""The command line in this process or in one of its own, a sandbox for it, and an environment without an account."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from unittest import mock

import attrs
import pexpect
import pytest
from canaries import assert_silent

from sendpulse_async.cli import run
from sendpulse_async.cli._input import Input, InputOptions
from sendpulse_async.sandbox import Sandbox

PATIENCE = 60
"""Seconds after which a test gives up; none waits for as long as that."""


SHOWS_ITS_OWN = {"sandbox", "demo"}
"""Commands that print the sandbox's credentials, for that is what they are for."""


def assert_quiet(arguments, *texts):
    """No secret, address or number is in what a command says."""
    if not SHOWS_ITS_OWN & set(map(str, arguments[:1])):
        assert_silent(*texts)


@attrs.frozen
class Ended:
    """How the command line ended."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def clean_environment():
    """No account of the developer's own, no forced colours, and nothing that a test sets outlives it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SENDPULSE_") and name not in {"FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE"}
    }
    with mock.patch.dict(os.environ, kept, clear=True):
        yield


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running


@pytest.fixture
def raw(sandbox, monkeypatch):
    """The environment says: the sandbox, by the event's URL."""
    monkeypatch.setenv("SENDPULSE_EVENT_URL", sandbox.event_url)


@pytest.fixture
def by_name(sandbox, monkeypatch):
    """The environment says: the sandbox, by the event's name."""
    for name, value in sandbox.environment().items():
        if name != "SENDPULSE_EVENT_URL":
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("SENDPULSE_EVENT_NAME", "purchase")


@pytest.fixture
def cli(capsys):
    """Run the command line in this process."""

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        ended = Ended(code, *capsys.readouterr())
        assert_quiet(arguments, ended.out, ended.err)
        return ended

    return call


@pytest.fixture
def process():
    """Run the command line in a process of its own, with pipes for its output."""

    def call(*arguments):
        command = [sys.executable, "-m", "sendpulse_async", *map(str, arguments)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert_quiet(arguments, ended.stdout, ended.stderr)
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    return call


@pytest.fixture
def terminal():
    """Begin the command line on a terminal of its own."""
    children = []

    def begin(*arguments):
        command = ["-m", "sendpulse_async", *map(str, arguments)]
        # Without colours, so that a pattern may reach over a word that has one.
        environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
        child = pexpect.spawn(
            sys.executable,
            command,
            env=environment,
            encoding="utf-8",
            timeout=PATIENCE,
            dimensions=(40, 100),
            preexec_fn=heed_ctrl_c,
        )
        child.logfile_read = io.StringIO()
        children.append((child, arguments))
        return child

    yield begin
    for child, arguments in children:
        child.close(force=True)
        assert_quiet(arguments, child.logfile_read.getvalue())


@pytest.fixture
def write(tmp_path):
    """Write an input file and return its path."""

    def make(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def until(condition):
    """Look again and again until `condition` holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came to hold"


def heed_ctrl_c():
    """Undo what a shell does to its background jobs, which ignore Ctrl-C, as their children then do."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def input_of(path, **options):
    """The input with some options of `InputOptions`."""
    return Input(InputOptions(path, **options))


def rows_of(path, **options):
    """Each row of a file: its line, and its problems or its fields."""
    return [(row.line, row.problems or dict(row)) for row in input_of(path, **options).rows()]


def untraced():
    """The environment of a child that is measured: coverage would slow it down several times."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
