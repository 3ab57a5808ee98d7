"""What a test is told when an expectation is not met, word for word; and what meets one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from textwrap import dedent
from unittest.mock import ANY
from uuid import UUID

import pytest

from sendpulse_async._expectations import Expectation, Seen, misfit, unexpected


class Plan(Enum):
    PRO = "pro"


def seen(number, name, payload, *, is_nameless=False):
    return Seen(number, name, is_nameless, payload)


SENT = [
    seen(1, "registered", {"email": "ana@b.c", "plan": "pro"}),
    seen(2, "purchase", {"email": "anna@b.c", "total": 10, "products": [{"name": "tea", "price": 4.5}]}),
    seen(3, "purchase", {"phone": "+100", "total": "10"}),
]


def said(expectation, events=SENT, **more):
    return misfit(expectation, events, **more)


def text(shown):
    return dedent(shown).strip("\n")


def test_a_contact_that_is_almost_right_is_shown_beside_the_expected_one():
    """The nearest event comes with exactly the field that differs."""
    assert said(Expectation(event="purchase", email="ana@b.c", variables={"total": 10})) == text("""
        expected at least 1 event, found none among 3
          event  'purchase'
          email  'ana@b.c'
          total  10
        nearest miss:
          #2  purchase, anna@b.c
              email  expected  'ana@b.c'
                     sent      'anna@b.c'
    """)


def test_a_number_that_was_sent_as_text_is_called_text():
    """Where two values read the same, their types are named; several fields stand below each other."""
    assert said(Expectation(phone="+1", variables={"total": 10}, times=2), SENT[2:]) == text("""
        expected exactly 2 events, found none among 1
          phone  '+1'
          total  10
        nearest miss:
          #3  purchase, +100
              phone  expected  '+1'
                     sent      '+100'
              total  expected  10
                     sent      '10'  (as text)
    """)


def test_the_nearest_are_three_the_most_alike_first():
    """Of events that differ in as many fields, the most alike ones are shown, and like misses once."""
    events = [seen(n, "purchase", {"email": email}) for n, email in enumerate(("zoe@x.y", "ana@b.d", "ana@c.c") * 2, 1)]
    events.append(seen(7, "purchase", {"email": "bob@x.y"}))

    assert said(Expectation(email="ana@b.c"), events) == text("""
        expected at least 1 event, found none among 7
          email  'ana@b.c'
        nearest misses:
          #6  purchase, ana@c.c
              email  expected  'ana@b.c'
                     sent      'ana@c.c'
          #5  purchase, ana@b.d
              email  expected  'ana@b.c'
                     sent      'ana@b.d'
          #7  purchase, bob@x.y
              email  expected  'ana@b.c'
                     sent      'bob@x.y'
    """)


def test_a_misspelt_name_meets_those_that_were_sent():
    """Similar names come first, each with how often it was sent."""
    assert said(Expectation(event="purchases"), SENT[1:]) == text("""
        expected at least 1 event, found none among 2
          event  'purchases'
        nearest miss:
          #3  purchase, +100
              event  expected  'purchases'
                     sent      'purchase'
        no event is named 'purchases'; those sent are 'purchase' (2)
    """)


def test_a_misspelt_variable_meets_the_one_that_is_there():
    """A field that is not there is shown with its like; one deep inside with its path."""
    products = [{"name": "coffee", "prise": 4.5}]

    assert said(Expectation(variables={"totals": 10, "products": products}), SENT[1:2]) == text("""
        expected at least 1 event, found none among 1
          totals    10
          products  [{'name': 'coffee', 'prise': 4.5}]
        nearest miss:
          #2  purchase, anna@b.c
              totals             expected  10
                                 sent      nothing, but there is 'total'
              products[0].name   expected  'coffee'
                                 sent      'tea'
              products[0].prise  expected  4.5
                                 sent      nothing, but there is 'price'
    """)


def test_nothing_at_all_is_said_so():
    """Where nothing was sent, there is no nearest miss to look for."""
    assert said(Expectation(event="purchase"), []) == text("""
        expected at least 1 event, but nothing was sent
          event  'purchase'
    """)


def test_what_was_refused_is_told_where_too_little_was_sent():
    """The lines of the holder stand at the end, and only where they may explain something."""
    refusals = ["1 request refused:", "  #4  purchase, ana@b.c: HTTP 401 (no valid token)"]

    assert said(Expectation(event="purchase"), [], refusals=refusals).splitlines()[2:] == refusals
    assert "refused" not in said(Expectation(event="purchase", times=1), refusals=refusals)


def test_too_many_are_listed():
    """Those that match are shown, with their variables."""
    assert said(Expectation(event="purchase", times=1)) == text("""
        expected exactly 1 event, found 2 among 3
          event  'purchase'
        these match:
          #2  purchase, anna@b.c  {'products': [{'name': 'tea', 'price': 4.5}], 'total': 10}
          #3  purchase, +100  {'total': '10'}
    """)


def test_too_few_are_listed_beside_the_nearest_miss():
    """What was found and what was missed stand in one text."""
    assert said(Expectation(event="purchase", variables={"total": "10"}, times=2)) == text("""
        expected exactly 2 events, found 1 among 3
          event  'purchase'
          total  '10'
        this one matches:
          #3  purchase, +100  {'total': '10'}
        nearest miss:
          #2  purchase, anna@b.c
              total  expected  '10'
                     sent      10  (as int)
    """)


def test_one_that_should_not_be_there_is_shown():
    """Expected no times at all, an event is in the way."""
    assert said(Expectation(email="ana@b.c", times=0)) == text("""
        expected no such event, found 1 among 3
          email  'ana@b.c'
        this one matches:
          #1  registered, ana@b.c  {'plan': 'pro'}
    """)


def test_the_raw_door_knows_no_names():
    """Who asks for a name where a URL names the event is told what to leave out."""
    raw = [seen(1, None, {"email": "ana@b.c"}, is_nameless=True)]

    assert said(Expectation(event="purchase", email="ana@b.c"), raw) == text("""
        expected at least 1 event, found none among 1
          event  'purchase'
          email  'ana@b.c'
        nearest miss:
          #1  (raw), ana@b.c
              event  expected  'purchase'
                     sent      no name: its URL names it
        the raw door knows no names, its URL names the event: leave the name out to find what came that way
    """)


def test_what_is_no_longer_kept_is_owned_up_to():
    """A bounded ledger says that it cannot know of the oldest events."""
    assert said(Expectation(event="x"), forgotten=1200).splitlines()[-1] == (
        "1,200 older events no longer kept, and not looked at"
    )


def test_what_was_sent_though_nothing_was_to_be_is_listed():
    """The first five, and how many more there are; a payload that is no object is shown as it is."""
    events = [*SENT, seen(4, "purchase", [1, 2]), seen(5, None, {}), seen(6, None, {}), seen(12, None, {})]

    assert unexpected(events) == text("""
        expected that nothing is sent, found 7 events:
          #1   registered, ana@b.c  {'plan': 'pro'}
          #2   purchase, anna@b.c  {'products': [{'name': 'tea', 'price': 4.5}], 'total': 10}
          #3   purchase, +100  {'total': '10'}
          #4   purchase  [1, 2]
          #5   (no name)
          and 2 more
    """)


def test_long_values_are_cut():
    """A text of a thousand letters does not bury the difference."""
    shown = said(Expectation(variables={"note": "x" * 1000}), [seen(1, None, {"note": "y" * 1000})])

    assert max(map(len, shown.splitlines())) < 130


def test_ten_thousand_near_misses_are_told_in_a_moment():
    """The text stays short, whatever was sent."""
    events = [seen(n, "purchase", {"email": f"a{n}@b.c", "total": n}) for n in range(10_000)]

    assert len(said(Expectation(event="purchase", email="ana@b.c", variables={"total": -1}), events).splitlines()) < 30


@pytest.mark.parametrize(
    ("variables", "payload"),
    [
        ({}, {"total": 1}),
        ({"total": 10}, {"total": 10.0}),
        ({"total": Decimal("12.50")}, {"total": 12.5}),
        ({"day": date(2026, 1, 2)}, {"day": "2026-01-02"}),
        ({"at": datetime(2026, 1, 2, 3, tzinfo=UTC)}, {"at": "2026-01-02T03:00:00+00:00"}),
        ({"plan": Plan.PRO}, {"plan": "pro"}),
        ({"id": UUID(int=5)}, {"id": str(UUID(int=5))}),
        ({"id": ANY}, {"id": [1, {"x": None}]}),
        ({"total": pytest.approx(0.3)}, {"total": 0.1 + 0.2}),
        ({"order": {"id": 5}}, {"order": {"id": 5, "total": 10}}),
        ({"products": ({"name": "tea"},)}, {"products": [{"name": "tea", "price": 4.5}]}),
        ({"paid": True, "none": None}, {"paid": True, "none": None}),
    ],
)
def test_what_is_held_is_found(variables, payload):
    """A payload may hold more than asked for; values that JSON does not have are compared as they are sent."""
    assert Expectation(variables=variables).differences(seen(1, None, payload)) == []


@pytest.mark.parametrize(
    ("variables", "payload"),
    [
        ({"paid": True}, {"paid": 1}),
        ({"paid": 1}, {"paid": True}),
        ({"paid": True}, {"paid": "true"}),
        ({"total": 10}, {"total": "10"}),
        ({"total": Decimal("0.1")}, {"total": "0.1"}),
        ({"none": None}, {}),
        ({"products": [1]}, {"products": [1, 2]}),
        ({"products": [1]}, {"products": {"0": 1}}),
        ({"name": "tea"}, {"name": ["tea"]}),
        ({"name": "tea"}, "name: tea"),
        ({"name": "tea"}, None),
    ],
)
def test_what_is_not_held_is_missed(variables, payload):
    """Truth is no number, text is no number, and an array is as long as the one asked for."""
    assert len(Expectation(variables=variables).differences(seen(1, None, payload))) == 1


def test_blanks_around_a_contact_do_not_count():
    """SendPulse's own sample has them."""
    assert Expectation(email="a@b.c ").differences(seen(1, None, {"email": " a@b.c"})) == []


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"event": {"email": "a@b.c"}}, TypeError),
        ({"email": 5}, TypeError),
        ({"variables": [("total", 10)]}, TypeError),
        ({"times": True}, TypeError),
        ({"times": 1.5}, TypeError),
        ({"times": -1}, ValueError),
    ],
)
def test_an_expectation_that_is_none_names_its_field(fields, error):
    """A mistake in the test is not taken for an event that was not sent."""
    with pytest.raises(error, match=next(iter(fields))):
        Expectation(**fields)
