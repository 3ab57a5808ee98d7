"""Which sender the environment, `--door` and `--env-file` make."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def send(cli):
    return lambda *arguments: cli("send", "--email", "ann@example.com", *arguments)


def test_without_an_account_it_says_what_to_set(send):
    """Nothing set is wrong usage, and the text names every way."""
    ended = send()

    assert ended.code == 2
    for name in ("SENDPULSE_EVENT_URL", "SENDPULSE_CLIENT_ID", "SENDPULSE_API_KEY", "--env-file"):
        assert name in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("account", ["SENDPULSE_API_KEY", "SENDPULSE_CLIENT_ID", "SENDPULSE_CLIENT_SECRET"])
def test_both_doors_need_a_choice(send, sandbox, raw, monkeypatch, account):
    """A URL beside an account is no guess: the user chooses."""
    monkeypatch.setenv(account, "canary")

    ended = send()

    assert ended.code == 2
    assert f"SENDPULSE_EVENT_URL and {account} are both set: choose with --door raw or --door name" in ended.err
    assert not sandbox.events


@pytest.mark.parametrize("door", ["raw", "name"])
def test_the_choice_decides(send, sandbox, raw, by_name, door):
    """`--door` takes the one that it names."""
    assert send("--door", door).code == 0

    assert [entry.door for entry in sandbox.events] == [door]


def test_an_api_key_is_an_account(send, sandbox, monkeypatch):
    """The static key opens the door by name."""
    monkeypatch.setenv("SENDPULSE_API_KEY", sandbox.api_key)
    monkeypatch.setenv("SENDPULSE_BASE_URL", sandbox.origin)

    assert send("--event-name", "purchase").code == 0

    assert sandbox.token_requests == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "the event needs a name: give --event-name"), (["--event-name", ".."], "event_name: must not be")],
)
def test_a_door_by_name_needs_a_name(send, by_name, monkeypatch, arguments, words):
    """No name, or none that can be one, is wrong usage before anything is sent."""
    monkeypatch.delenv("SENDPULSE_EVENT_NAME")

    ended = send(*arguments)

    assert ended.code == 2
    assert words in ended.err


def test_a_wrong_url_is_not_quoted(send, monkeypatch):
    """The event's URL is a secret even where it is wrong."""
    monkeypatch.setenv("SENDPULSE_EVENT_URL", "https://example.com/canary")

    ended = send()

    assert ended.code == 2
    assert "the event URL is not on events.sendpulse.com" in ended.err
    assert "canary" not in ended.err


def test_an_env_file_beats_the_environment(send, sandbox, monkeypatch, write):
    """Whoever names a file means it; `export`, quotes, comments and `${` are understood."""
    monkeypatch.setenv("SENDPULSE_EVENT_URL", "https://events.sendpulse.com/events/id/production/1")
    path = write("demo.env", f"# the sandbox\nexport SENDPULSE_EVENT_URL='{sandbox.event_url}?a=${{HOME}}'\n")

    assert send("--env-file", path).code == 0

    assert len(sandbox.events) == 1
    assert os.environ["SENDPULSE_EVENT_URL"].endswith("?a=${HOME}")


def test_an_env_file_can_switch_a_door_off(send, sandbox, raw, by_name, write):
    """An empty value in the file is an absent one."""
    assert send("--env-file", write("a.env", "SENDPULSE_CLIENT_ID=\nSENDPULSE_CLIENT_SECRET=\nBARE\n")).code == 0

    assert sandbox.events[0].door == "raw"


def test_an_env_file_brings_nothing_else(send, raw, write):
    """Variables of other programs stay where they are."""
    assert send("--env-file", write("a.env", "CANARY_OF_ANOTHER=1\n")).code == 0

    assert "CANARY_OF_ANOTHER" not in os.environ


@pytest.mark.parametrize(
    ("content", "words"), [(None, "No such file or directory"), (b"SENDPULSE_API_KEY=\xff\n", "not UTF-8")]
)
def test_an_env_file_that_cannot_be_read_is_wrong_usage(send, raw, write, tmp_path, content, words):
    """It is named, and nothing is sent without it."""
    path = tmp_path / "none.env" if content is None else write("bad.env", content)

    ended = send("--env-file", path)

    assert ended.code == 2
    assert f"--env-file {path}: {words}" in ended.err
