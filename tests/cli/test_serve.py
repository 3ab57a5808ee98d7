"""The options of `sandbox`: what it refuses, how fast, and whom it serves."""

from __future__ import annotations

import httpx
import pytest

from sendpulse_async import ConfigurationError
from sendpulse_async.cli import _serve
from sendpulse_async.cli._serve import to_switches
from sendpulse_async.sandbox import Switches

NO_LIMITS = {"requests_per_second": None, "requests_per_minute": None}


def switches(*pairs, limit=False, **limits):
    return to_switches(pairs, limit=limit, limits={**NO_LIMITS, **limits})


@pytest.fixture
def talkative():
    """What posts to the sandbox here is a client of somebody else's."""
    return ("httpx",)


@pytest.fixture
def told(monkeypatch):
    """Serve nothing, and return what would be served with."""
    seen = []
    monkeypatch.setattr(_serve.Sandbox, "run", lambda sandbox, on_ready: seen.append(sandbox))
    return seen


def test_switches_are_options():
    """Words, numbers and lists, and a later one beats an earlier one."""
    assert switches(
        "refuse_duplicates=true",
        "events_need_contact=false",
        "known_events=purchase, refund",
        "token_lifetime=1.5",
        "known_hashes=a",
        "known_hashes=none",
    ) == Switches(
        refuse_duplicates=True, events_need_contact=False, known_events={"purchase", "refund"}, token_lifetime=1.5
    )
    assert switches("known_events=") == Switches(known_events=())


def test_the_limits_are_sendpulses_unless_told_otherwise():
    """`--limit` turns both on; each has an option of its own too."""
    assert switches() == Switches()
    assert switches(limit=True) == Switches(requests_per_second=10, requests_per_minute=1000)
    assert switches(limit=True, requests_per_minute=2000) == Switches(requests_per_second=10, requests_per_minute=2000)
    assert switches(requests_per_second=5) == Switches(requests_per_second=5)
    assert switches("requests_per_second=none", limit=True) == Switches(requests_per_minute=1000)


@pytest.mark.parametrize(
    ("pair", "named"),
    [
        ("refuse_duplicates", "NAME=VALUE"),
        ("color=red", "refuse_duplicates"),
        ("refuse_duplicates=maybe", "true or false"),
        ("token_lifetime=soon", "token_lifetime"),
        ("requests_per_second=1.5", "whole number"),
    ],
)
def test_a_wrong_switch_names_its_option(pair, named):
    """The message has the option as it was typed, and what would be right."""
    with pytest.raises(ConfigurationError, match=named) as caught:
        switches(pair)

    assert str(caught.value).startswith(f"--switch {pair}: ")


def test_the_options_reach_the_sandbox(cli, told):
    """As the command line has them."""
    ended = cli("sandbox", "--port", "0", "--limit", "--switch", "refuse_duplicates=true", "--allowed-host", "box")

    assert (ended.code, ended.err) == (0, "")
    assert told[0].switches == Switches(refuse_duplicates=True, requests_per_second=10, requests_per_minute=1000)


def test_serving_other_machines_is_warned_of(cli, told):
    """Who opens it to the network is told what that means."""
    ended = cli("sandbox", "--host", "0.0.0.0", "--allow-remote")

    assert ended.code == 0
    assert "--allow-remote: whoever reaches this port can read what arrives" in ended.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "0.0.0.0"], "--host must be a loopback address"),
        (["--host", "0.0.0.0"], "unless --allow-remote is given"),
        (["--host", "example.com", "--allow-remote"], "--host must be an IP address"),
        (["--port", "70000"], "--port must be"),
        (["--allowed-host", "a:1"], "--allowed-host must be names"),
        (["--requests-per-second", "0"], "--requests-per-second: "),
        (["--requests-per-minute", "x"], "requests-per-minute"),
    ],
)
def test_a_wrong_option_is_named(cli, options, words):
    """Wrong usage is one line with the option in it."""
    ended = cli("sandbox", *options)

    assert ended.code == 2
    assert words in " ".join((ended.err + ended.out).split())


def test_the_page_comes_first(terminal):
    """What it prints begins with the address for a browser, and it is served with the limits asked for."""
    child = terminal("sandbox", "--port", "0", "--requests-per-minute", "1")
    child.expect(r"(http://127\.0\.0\.1:\d+)")
    origin = child.match[1]
    child.expect(r"in a browser: +(http://127\.0\.0\.1:\d+/)")
    assert child.match[1] == f"{origin}/"
    child.expect(r"SENDPULSE_EVENT_URL=(\S+)")

    statuses = [httpx.post(child.match[1], json={"email": "a@b.c"}, trust_env=False).status_code for _ in range(2)]

    assert statuses == [200, 429]
    child.sendintr()
    child.expect("\\^C|\r\n")
    assert child.wait() == 0
