"""The page on how a token lives: its numbers are the code's."""

from __future__ import annotations

import pytest

from sendpulse_async import _tokens
from sendpulse_async._auth import _endpoint, _layer, _lease, _manager, _shared

from .running import ROOT

PAGE = " ".join((ROOT / "docs/explanation/tokens.md").read_text().split())


@pytest.mark.parametrize(
    ("number", "value", "words"),
    [
        (_lease.EARLY_SHARE, 1 / 5, "In the last fifth of its life, five minutes at most"),
        (_lease.LONGEST_EARLY, 300, "In the last fifth of its life, five minutes at most"),
        (_manager.EARLY_PATIENCE, 0.5, "gets half a second of it"),
        (_manager.TRIES, 4, "An event sees four token requests fail"),
        (_manager.REFUSED_KEPT, 4, "the last four refused tokens are remembered"),
        (_layer.MOST_SWAPS + 1, 4, "an event may be sent with up to four"),
        (_endpoint.COOL_DOWN, 60, "asks for no token for 60 s"),
        (_endpoint.BASE_DELAY, 0.5, "after a random time below 0.5 s, 1 s, 2 s, … 30 s"),
        (_endpoint.MAX_DELAY, 30, "after a random time below 0.5 s, 1 s, 2 s, … 30 s"),
        (_endpoint.REQUEST_PATIENCE, 30, "takes longer than 30 s"),
        (_shared.PATIENCE, 1 / 4, "each call has a quarter of a second"),
        (_shared.TURN_PATIENCE, 3, "for three seconds at most"),
        (_shared.GLANCE, 0.05, "the others look every 50 ms"),
        (_tokens.LOCK_SECONDS, 2, "The lock ends by itself after two seconds"),
    ],
)
def test_a_number_of_the_page_is_the_codes(number, value, words):
    """Who changes one changes the other."""
    assert number == value
    assert words in PAGE
