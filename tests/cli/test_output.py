"""What the command line never writes, and what it does when nobody reads."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sendpulse_async.sandbox import Fault

CANARIES = ("canary", "kanarie", "pappagallo")
ROWS = (
    '{"email": "canary.one@kanarie.example", "name": "pappagallo", "total": 7}',
    '{"email": "canary.two@kanarie.example", "name": "pappagallo"}',
    '{"email": "canary.three@kanarie.example", "name": "pappagallo"}',
    '{"email": "canary four", "phone": "kanarie", "automation_id": "pappagallo"}',
    '{"email": "canary" "kanarie"}',
    '"pappagallo"',
)


@pytest.fixture
def secrets(sandbox, monkeypatch):
    """Every secret is a canary too."""
    monkeypatch.setenv("SENDPULSE_EVENT_URL", f"{sandbox.origin}/events/id/{'c0ffee' * 5}00/7043663?key=canary")
    return [*CANARIES, "c0ffee"]


def assert_silent(ended, secrets):
    for secret in secrets:
        assert secret not in ended.out + ended.err


def test_a_run_shows_no_address_payload_or_secret(process, sandbox, secrets, write):
    """Whatever fails in whatever way, lines and reasons are all that is shown."""
    sandbox.add_fault(Fault(status=422, email="canary.one@kanarie.example"))
    sandbox.add_fault(Fault(status=500, email="canary.two@kanarie.example"))
    sandbox.add_fault(Fault(drop="reset", email="canary.three@kanarie.example"))

    ended = process("send-many", write("a.jsonl", "\n".join(ROWS)))

    assert ended.code == 7
    assert ended.out.count("  line ") == 6
    assert_silent(ended, secrets)


def test_unreadable_files_are_not_quoted(process, secrets, write):
    """A file without a header begins with an address."""
    for content in ("canary@kanarie.example,pappagallo\n", 'email,"canary"kanarie\n', "email,canary,canary\n"):
        ended = process("send-many", write("a.csv", content))

        assert ended.code == 4
        assert_silent(ended, secrets)


@pytest.mark.parametrize("status", [200, 422, 500])
def test_one_event_is_shown_masked(process, sandbox, secrets, status):
    """`send` masks what the user typed, too."""
    sandbox.add_fault(Fault(status=status, body={"result": status == 200, "message": "canary@kanarie.example"}))

    ended = process("send", "--email", "canary@kanarie.example", "--var", "name=pappagallo")

    assert "c***@k***" in ended.out
    assert_silent(ended, secrets)


def test_a_reader_that_leaves_changes_nothing(sandbox, raw, write):
    """With stdout and stderr closed by their readers the run goes on to its own exit code."""
    command = [sys.executable, "-m", "sendpulse_async", "send-many", str(write("a.csv", "email\na@example.com\nx\n"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        running.stdout.close()
        err = running.stderr.read()

    assert running.returncode == 3
    assert err == b""
    assert len(sandbox.events) == 1


def test_a_legacy_code_page_costs_no_report(process, sandbox, raw, write, monkeypatch):
    """A variable's name that the terminal cannot write is shown escaped."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")

    ended = process("send-many", write("a.jsonl", '{"email": "a@example.com", "цена": NaN}\n'))

    assert ended.code == 3
    assert "variables.\\u0446\\u0435\\u043d\\u0430: must be a finite number" in ended.out


def test_a_name_cannot_steer_the_terminal(process, raw, write):
    """Control characters of the input are shown escaped."""
    ended = process("send-many", write("a.jsonl", '{"email": "a@example.com", "\\u001b[2J[bold]": NaN}\n'))

    assert ended.code == 3
    assert "variables['\\x1b[2J[bold]']: must be a finite number" in ended.out
