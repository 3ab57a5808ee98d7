"""`send`: one event from options."""

from __future__ import annotations

import pytest

from sendpulse_async.sandbox import Fault

from .conftest import until


def test_an_event_from_options_arrives(cli, sandbox, raw):
    """The options make up the event, and one line says that it was accepted, with the address masked."""
    ended = cli(
        *("send", "--email", "ann@example.com", "--phone", "+15550100123", "--automation-id", "17"),
        *("--var", "product=tea=green", "--var", "note=", "--var-json", 'items=[{"id": 1}]'),
    )

    assert ended.code == 0
    assert ended.out.startswith("accepted a***@e***: HTTP 200 after ")
    assert ended.out.endswith(" s, 1 attempt\n")
    assert ended.err == ""
    (entry,) = sandbox.events
    assert entry.payload == {
        "email": "ann@example.com",
        "phone": "+15550100123",
        "automation_id": 17,
        "product": "tea=green",
        "note": "",
        "items": [{"id": 1}],
    }


def test_an_event_by_name_arrives(cli, sandbox, by_name):
    """With an account in the environment it goes by name; the option beats the environment's."""
    assert cli("send", "--phone", "+15550100123").out.startswith("accepted +***23: ")
    assert cli("send", "--phone", "+15550100123", "--event-name", "sign up").code == 0

    assert [entry.event for entry in sandbox.events] == ["purchase", "sign up"]


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (Fault(status=422), 3, "rejected a***@e***: HTTP 422"),
        (Fault(status=500), 7, "unknown a***@e***: HTTP 500"),
        (Fault(status=401, times=None), 5, "not sent a***@e***: HTTP 401"),
        (Fault(status=429, retry_after=9), 3, "not sent a***@e***: HTTP 429"),
        (Fault(status=429, retry_after=0), 0, " s, 2 attempts\n"),
        (Fault(drop="cut"), 0, "; the answer's body was cut\n"),
    ],
)
def test_each_outcome_has_its_line_and_its_code(cli, sandbox, by_name, fault, code, words):
    """What SendPulse says decides the line and the exit code."""
    sandbox.add_fault(fault)

    ended = cli("send", "--email", "ann@example.com", "--deadline", "8")

    assert (ended.code, ended.err) == (code, "")
    assert words in ended.out
    assert ended.out.count("\n") == 1


def test_refused_credentials_are_code_5(cli, by_name, monkeypatch):
    """A wrong secret is told apart from a failed event."""
    monkeypatch.setenv("SENDPULSE_CLIENT_SECRET", "canary")

    ended = cli("send", "--email", "ann@example.com")

    assert ended.code == 5
    assert ended.out.startswith("not sent a***@e***: ")
    assert "canary" not in ended.out


def test_a_wrong_event_is_rejected_with_all_problems(cli, sandbox, raw):
    """An event that cannot be one costs no request."""
    ended = cli("send", "--automation-id", "0", "--var", "email=x")

    assert ended.code == 3
    assert ended.out.startswith("rejected the event: ")
    assert "automation_id: must be" in ended.out
    assert "variables.email: is a field" in ended.out
    assert not sandbox.refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--var", "canary"], "--var number 1 is not NAME=VALUE"),
        (["--var", "a=1", "--var", "=canary"], "--var number 2 is not NAME=VALUE"),
        (["--var-json", "canary"], "--var-json number 1 is not NAME=JSON"),
        (["--var-json", "total=canary"], "--var-json total: the value is not JSON; text needs quotes, or --var"),
        (["--var", "a=canary", "--var-json", "a=1"], "--var and --var-json give a variable twice"),
        (["--deadline", "-1"], "deadline must be a number of seconds"),
        (["--deadline", "soon"], "--deadline"),
        (["--automation-id", "x"], "--automation-id"),
        (["--event-name", "purchase"], "--event-name goes with --door name"),
        (["--bogus"], "--bogus"),
    ],
)
def test_wrong_usage_is_code_2(cli, sandbox, raw, arguments, words):
    """Wrong options are named, their values are not quoted, and nothing is sent."""
    ended = cli("send", "--email", "ann@example.com", *arguments)

    assert ended.code == 2
    assert words in ended.err
    assert "canary" not in ended.err
    assert ended.out == ""
    assert not sandbox.events


def test_ctrl_c_tells_the_outcome_first(terminal, sandbox, raw):
    """An event that is interrupted on its way has an outcome all the same."""
    sandbox.add_fault(Fault(drop="hang"))
    child = terminal("send", "--email", "ann@example.com")
    until(lambda: sandbox.events)

    child.sendintr()

    child.expect("unknown a\\*\\*\\*@e\\*\\*\\*: sent, but the call was cancelled")
    child.expect("interrupted")
    child.expect_exact("\r\n")
    assert child.wait() == 130
