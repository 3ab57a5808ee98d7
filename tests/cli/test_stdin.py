"""A list from a pipe: rows go out as they come, and a silent producer holds nobody up."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest

from .conftest import PATIENCE, heed_ctrl_c, until

LIST = b'{"email": "a@example.com"}\n{"email": "B@Example.com"}\n{"email": "nobody"}\n'


@pytest.fixture
def begin():
    """Begin the command line with a pipe for its input, which stays open until the test closes it."""
    children = []

    def start(*arguments):
        command = [sys.executable, "-m", "sendpulse_async", *map(str, arguments)]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        child = subprocess.Popen(command, **pipes, preexec_fn=heed_ctrl_c)  # noqa: PLW1509 - it sets one signal, and takes no lock
        children.append(child)
        return children[-1]

    yield start
    for child in children:
        child.kill()
        child.communicate()


def ended(child, given=b""):
    """Close its input after what is given; return its code and its output."""
    out, err = child.communicate(given or None, timeout=PATIENCE)
    return child.returncode, out.decode(), err.decode()


def test_a_list_from_stdin_is_sent(begin, sandbox, raw):
    """Each line is one event, and what is wrong is named by its line."""
    code, out, _ = ended(begin("send-many", "-", "--format", "jsonl", "--normalize"), LIST)

    assert code == 3
    assert sorted(entry.email for entry in sandbox.events) == ["B@example.com", "a@example.com"]
    assert re.search(r"line 3  rejected  email: ", out)


def test_rows_are_sent_while_the_producer_goes_on(begin, sandbox, raw):
    """A row does not wait for the next one, nor for the end."""
    child = begin("send-many", "-", "--format", "jsonl")
    for number, line in enumerate(LIST.splitlines(keepends=True)[:2], 1):
        child.stdin.write(line)
        child.stdin.flush()
        until(lambda number=number: len(sandbox.events) == number)

    assert ended(child)[0] == 0


def test_ctrl_c_does_not_wait_for_a_silent_producer(begin, sandbox, raw, tmp_path):
    """The run ends in order though the next row never comes, and says how to go on."""
    child = begin("send-many", "-", "--format", "jsonl", "--journal", tmp_path / "run.journal")
    child.stdin.write(LIST.splitlines(keepends=True)[0])
    child.stdin.flush()
    until(lambda: sandbox.events)

    child.send_signal(signal.SIGINT)
    child.wait(PATIENCE)
    code, out, err = ended(child)

    assert code == 130
    assert re.search(r"accepted +1 ", out)
    assert "The lines after line 1 were not taken." in out
    assert re.search(r"To go on: .* send-many - --format jsonl --journal .* --resume", err)


def test_a_list_from_stdin_is_checked(begin):
    """Without an account."""
    code, out, _ = ended(begin("check", "-", "--format", "jsonl"), LIST)

    assert code == 3
    assert re.search(r"good +2\n  wrong +1 ", out)
    assert "line 3  email: " in out


def test_a_part_of_a_list_of_unknown_length(begin, raw):
    """Nobody knows what five percent of it are: nothing is read, nothing is sent."""
    code, _, err = ended(begin("send-many", "-", "--format", "jsonl", "--max-errors", "5%"))

    assert code == 2
    assert "--max-errors: stdin has no known length; give a number of events" in err
