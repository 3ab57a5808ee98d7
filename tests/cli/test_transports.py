"""`send-many --transport`: the faster transport where it is installed, the other where it is not."""

from __future__ import annotations

import sys

import pytest

from sendpulse_async import HttpxTransport
from sendpulse_async.cli._transports import TransportName, open_transport
from sendpulse_async.transports.direct import DirectTransport

ROWS = "email\na@example.com\nb@example.com\n"


@pytest.fixture
def without_fast(monkeypatch):
    """The extra is not installed."""
    for name in list(sys.modules):
        if name.startswith(("httptools", "sendpulse_async.transports.direct", "sendpulse_async.transports._llhttp")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "httptools", None)


@pytest.mark.parametrize(
    ("name", "kind"),
    [(None, DirectTransport), (TransportName.DIRECT, DirectTransport), (TransportName.HTTPX, HttpxTransport)],
)
def test_the_faster_one_is_taken_unless_told_otherwise(name, kind):
    """Where both are installed the option chooses."""
    assert type(open_transport(name, 5)) is kind


@pytest.mark.parametrize("option", [[], ["--transport", "direct"], ["--transport", "httpx"]], ids=str)
def test_either_carries_the_events(cli, sandbox, raw, write, option):
    """Each row is one event, whatever carries it."""
    assert cli("send-many", write("a.csv", ROWS), *option).code == 0

    assert sorted(entry.email for entry in sandbox.events) == ["a@example.com", "b@example.com"]


def test_without_the_extra_the_other_one_serves(cli, sandbox, raw, write, without_fast):
    """Nobody has to install anything."""
    assert type(open_transport(None, 5)) is HttpxTransport
    assert cli("send-many", write("a.csv", ROWS)).code == 0
    assert len(sandbox.events) == 2


def test_what_is_asked_for_and_missing_is_named(cli, sandbox, raw, write, without_fast):
    """Whoever asks for it learns how to install it; nothing is sent."""
    ended = cli("send-many", write("a.csv", ROWS), "--transport", "direct")

    assert ended.code == 2
    assert "sendpulse-async[fast]" in ended.err
    assert len(sandbox.events) == 0


def test_a_transport_that_is_none_is_a_wrong_option(cli, sandbox, raw, write):
    """The names that there are stand in the error."""
    ended = cli("send-many", write("a.csv", ROWS), "--transport", "pigeon")

    assert ended.code == 2
    assert "direct" in ended.err
    assert "httpx" in ended.err
