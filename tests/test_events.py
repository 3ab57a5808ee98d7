"""Events: what is taken, what is refused, and what leaves."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal, localcontext
from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType
from typing import Any
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import Event, InvalidEventError

CONTACT = {"email": "anna@example.org", "phone": "+380501234567"}


class Colour(Enum):
    RED = "red"
    WHEN = date(2021, 5, 28)
    BYTES = b"red"


class Size(IntEnum):
    LARGE = 3


class Unit(StrEnum):
    PIECE = "pc"


@attrs.define
class Price:
    amount: Decimal
    currency: str = "UAH"


@attrs.define
class OldPrice(Price):
    before: int = 25


@dataclasses.dataclass
class Stock:
    unit: Unit
    since: date | None = None


@attrs.define
class Product:
    prices: list[Price]
    stock: Stock | None = None


@attrs.define
class Box:
    content: Any = None


@attrs.define
class Unresolvable:
    content: NoSuchType = 1  # noqa: F821 - the point


class Twice(list):
    """A list that holds itself twice: a walk without memory would take 2**depth steps."""

    steps = 0

    def __iter__(self):
        self.steps += 1
        assert self.steps < 10_000, "the walk through a list of two members does not end"
        return iter([self, self])


def event_with(value: Any) -> Event:
    return Event(email="a@b.c", variables={"deep": [{"v": value}]})


def problems_of(make, *args: Any, **kwargs: Any) -> list[str]:
    with pytest.raises(InvalidEventError) as caught:
        make(*args, **kwargs)
    return list(caught.value.problems)


def paths_of(make, *args: Any, **kwargs: Any) -> list[str]:
    return [problem.partition(": ")[0] for problem in problems_of(make, *args, **kwargs)]


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"email": " test1@test1.com"}, {"email": "test1@test1.com"}),
        ({"phone": "\t+123456789\n"}, {"phone": "+123456789"}),
        ({"email": "", "phone": "+1"}, {"phone": "+1"}),
        ({"email": "a@b.c", "phone": "  "}, {"email": "a@b.c"}),
        ({"phone": "+1", "automation_id": Size.LARGE}, {"phone": "+1", "automation_id": 3}),
        ({"phone": "+1", "event_name": "paid", "event_id": "id-1"}, {"phone": "+1"}),
        ({"phone": "+1", "variables": {"x": {"y": []}, "event_id": 2}}, {"phone": "+1", "x": {"y": []}, "event_id": 2}),
    ],
)
def test_the_payload_is_flat_and_tidy(fields, sent):
    """Blanks go, the empty is absent, variables stand beside the contact, and the caller's identity stays at home."""
    assert Event(**fields).to_payload() == sent


@pytest.mark.parametrize("nothing", [{}, {"email": None}, {"email": "", "phone": " "}])
def test_a_contact_is_needed(nothing):
    """An event without e-mail and phone is refused, by name."""
    assert paths_of(Event, **nothing) == ["email"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("email", value) for value in (5, b"a@b.c", ["a@b.c"], "nobody", "@b.c", "a@", "a b@c.d", "a\ud800@b.c")],
        *[("phone", value) for value in (380501234567, 1.5, "none", "+1\x00", "1\udfff")],
        *[("automation_id", value) for value in (True, False, 0, -1, "7", 7.0, Decimal(7), [7])],
        *[("event_name", value) for value in (5, b"paid", "pa\nid", "\ud800")],
        *[("event_id", value) for value in (5, UUID(int=1), "a\x7fb", "\ud800")],
        *[("variables", value) for value in (None, [], "x", [("a", 1)], {1: 2}, {b"a": 1})],
    ],
)
def test_a_wrong_field_is_the_only_problem(field, value):
    """Each field's own rule is named with the field's own path, once."""
    assert paths_of(Event, **{"email": "a@b.c", "phone": "+1", field: value}) == [field]


@pytest.mark.parametrize("name", ["email", "phone", "automation_id", "", "  "])
def test_reserved_and_blank_names_are_no_variables(name):
    """A variable cannot take the place of a field of the event, nor go without a name."""
    assert paths_of(Event, phone="+1", variables={name: 1}) == [
        f"variables.{name}" if name.strip() else f"variables[{name!r}]"
    ]


def test_all_problems_are_listed_at_once():
    """One error lists every problem, each with its exact path."""
    products = [{"price": 1}, {"price": float("nan")}]
    variables = {"products": products, "when": datetime(2021, 5, 28), "email": "x", "a b": {"c": b"", "d": {1: 2}}}

    paths = paths_of(
        Event, email=7, phone="none", variables=variables, automation_id=True, event_name=5, event_id="a\nb"
    )

    fields = ["email", "phone", "automation_id", "event_name", "event_id"]
    inside = ["products[1].price", "when", "email"]
    expected = [*fields, "variables['a b'].c", "variables['a b'].d", *[f"variables.{path}" for path in inside]]
    assert sorted(paths) == sorted(expected)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        *[(value, value) for value in (None, True, False, 0, -1, 2**70, 1.5, -0.0, 1e300, "", "Київ 🎉", [], {})],
        (date(2021, 5, 28), "2021-05-28"),
        (datetime(2021, 5, 28, 12, 30, tzinfo=UTC), "2021-05-28T12:30:00+00:00"),
        (datetime(2021, 5, 28, tzinfo=timezone(timedelta(hours=5.5))), "2021-05-28T00:00:00+05:30"),
        *[(Decimal("19.90"), 19.9), (Decimal(5), 5), (Decimal("-1E+2"), -100), (Decimal("1E-7"), 1e-7)],
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        *[(Colour.RED, "red"), (Colour.WHEN, "2021-05-28"), (Size.LARGE, 3), (Unit.PIECE, "pc")],
        ((1, (2, 3)), [1, [2, 3]]),
        (MappingProxyType({"a": (date(2021, 1, 2),)}), {"a": ["2021-01-02"]}),
        (Stock(Unit.PIECE, date(2021, 1, 2)), {"unit": "pc", "since": "2021-01-02"}),
        (
            Product([Price(Decimal("1.5"))], Stock(Unit.PIECE)),
            {"prices": [{"amount": 1.5, "currency": "UAH"}], "stock": {"unit": "pc", "since": None}},
        ),
        (Box([Box(Colour.RED), {"b": Box(Size.LARGE)}]), {"content": [{"content": "red"}, {"b": {"content": 3}}]}),
        (
            Product([OldPrice(Decimal(20))]),
            {"prices": [{"amount": 20, "currency": "UAH", "before": 25}], "stock": None},
        ),
    ],
    ids=repr,
)
def test_a_value_becomes_plain_json(value, sent):
    """Every promised type leaves whole, as the JSON that stands for it, wherever it is nested."""
    with localcontext(prec=1):  # a number is the same whatever the caller's decimal context is
        payload = event_with(value).to_payload()

    assert json.dumps(payload["deep"][0]["v"]) == json.dumps(sent)


@pytest.mark.parametrize(
    ("value", "inside"),
    [
        *[(value, "") for value in (float("nan"), float("inf"), float("-inf"))],
        *[
            (Decimal(text), "")
            for text in ("NaN", "sNaN", "-Infinity", "1E-400000", "1E+400", "0.10000000000000000001")
        ],
        *[(value, "") for value in (datetime(2021, 5, 28), time(12), timedelta(1), 1j, object(), object, range(3))],
        *[(value, "") for value in (b"", bytearray(b"x"), {1}, frozenset(), Colour.BYTES, "\ud800", "a\udfffb")],
        *[(value, "") for value in ({1: 2}, {None: 1}, {b"k": 1}, {(1,): 1})],
        *[(Box(b""), ".content"), (Box({1: 2}), ".content"), (Product([Price(Decimal("NaN"))]), ".prices[0].amount")],
        pytest.param(10**5000, "", id="more-digits-than-python-writes"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_without_json_is_refused(value, inside):
    """What JSON cannot carry is refused with the path where it stands."""
    assert paths_of(event_with, value) == [f"variables.deep[0].v{inside}"]


@pytest.mark.parametrize(
    "value",
    [Product(None), Product([], stock=5), Product([object()]), Unresolvable()],
    ids=["none-for-a-list", "int-for-a-class", "object-for-a-class", "unknown-annotation"],
)
def test_a_class_that_breaks_its_annotations_never_breaks_out(value):
    """Whatever an attrs class holds, the event is made or the error is InvalidEventError with the path."""
    try:
        text = json.dumps(event_with(value).to_payload()["deep"][0])
    except InvalidEventError as error:
        text = str(error)

    assert text.startswith(('{"v": {', "variables.deep[0].v"))


def nested(levels, wrap=lambda inner: [inner]):
    value = 1
    for _ in range(levels):
        value = wrap(value)
    return value


def own_member(value, put):
    put(value, value)
    return value


@pytest.mark.parametrize(
    "make",
    [
        lambda: own_member([], list.append),
        lambda: own_member({}, lambda outer, inner: outer.update(again=[inner])),
        lambda: own_member(Box(), lambda outer, inner: setattr(outer, "content", inner)),
        Twice,
        lambda: nested(100_000),
        lambda: nested(100_000, lambda inner: {"a": inner}),
        lambda: nested(500, Box),
        lambda: Box(nested(100_000)),
    ],
    ids=["list", "dict", "attrs", "twice", "deep-list", "deep-dict", "deep-attrs", "deep-in-attrs"],
)
def test_bottomless_nesting_is_a_clear_error(make):
    """What contains itself, or is nested without reason, is a problem that says so, found in no time."""
    problems = problems_of(event_with, make())

    assert all(problem.startswith("variables.deep[0].v") and "nested" in problem for problem in problems)


def test_twenty_levels_are_no_problem():
    """Honest nesting is carried."""
    assert event_with(nested(20)).to_payload()["deep"] == [{"v": nested(20)}]


def test_a_flows_number_is_one_that_can_be_sent():
    """An automation_id with more digits than Python writes is refused by its path."""
    assert paths_of(Event, phone="+1", automation_id=10**5000) == ["automation_id"]


def test_the_flat_mapping_is_taken_apart():
    """Contact and automation_id are taken out of the documentation's flat object, "name" and "id" are variables."""
    flat = MappingProxyType({**CONTACT, "automation_id": 7, "name": "Anna", "id": 5, "event_name": "x"})

    event = Event.from_mapping(flat, event_name="paid", event_id="id-1")

    assert event == Event(
        **CONTACT,
        automation_id=7,
        variables={"name": "Anna", "id": 5, "event_name": "x"},
        event_name="paid",
        event_id="id-1",
    )
    assert event.to_payload() == flat


@pytest.mark.parametrize("flat", [None, [], "email", b"", 5, [("email", "a@b.c")]])
def test_what_is_no_mapping_is_no_event(flat):
    """Neither way of making an event from an object takes anything else."""
    assert paths_of(Event.from_mapping, flat) == ["event"]
    assert paths_of(Event.custom, flat) == ["payload"]


def test_a_custom_event_is_any_object():
    """A custom structure needs no contact where we would look for one, and leaves as it is."""
    payload = {
        "user": {"email": " a@b.c "},
        "email": {"of": "nobody"},
        "automation_id": None,
        "when": date(2021, 5, 28),
    }

    sent = Event.custom(payload, event_name="paid").to_payload()

    assert sent == {**payload, "when": "2021-05-28"}


def test_a_custom_event_is_checked_too():
    """What JSON cannot carry is refused in a custom structure, with its path, beside the other fields' problems."""
    assert paths_of(Event.custom, {"a": [b"", {1: 2}]}, event_id=5) == ["payload.a[0]", "payload.a[1]", "event_id"]


def test_an_event_is_a_snapshot():
    """Nothing that the caller changes later, in what it gave or in what it got, changes the event."""
    variables = {"list": [{"a": 1}], "box": Box([1])}
    event, custom = Event(**CONTACT, variables=variables), Event.custom(variables)
    before = [copy.deepcopy(made.to_payload()) for made in (event, custom)]

    variables["list"][0]["a"] = variables["box"].content[0] = b"other"
    for made in (event, custom):
        made.to_payload()["list"][0]["a"] = made.to_payload()["email"] = b"other"

    assert [made.to_payload() for made in (event, custom)] == before


def test_an_event_is_frozen():
    """No field of an event can be set, and a changed copy is checked anew."""
    event = Event(**CONTACT)

    for field in attrs.fields(Event):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(event, field.name, None)
    assert paths_of(attrs.evolve, event, automation_id=0) == ["automation_id"]


@pytest.mark.parametrize("event", [Event(**CONTACT, variables={"a": [1]}, event_id="1"), Event.custom({"email": 5})])
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda event: pickle.loads(pickle.dumps(event))])
def test_an_event_survives_pickle_and_copy(event, again):
    """A copy is equal and sends the same, on this machine or in another process."""
    twin = again(event)

    assert twin == event
    assert twin.to_payload() == event.to_payload()


@pytest.mark.parametrize(
    "other", [{"email": "b@b.c"}, {"phone": "+2"}, {"variables": {"a": 1}}, {"automation_id": 1}, {"event_id": "1"}]
)
def test_equal_events_are_equal_in_every_field(other):
    """Events are values: equal when all is equal after tidying, and only then."""
    assert Event(email=" a@b.c ", phone="", variables={"a": (2,)}) == Event(email="a@b.c", variables={"a": [2]})
    assert Event(email="a@b.c") != Event(**{"email": "a@b.c", **other})


@pytest.mark.parametrize(
    "event",
    [
        Event(**CONTACT, variables={"city": "canary-city", "canary-name": "x"}, event_id="canary-id"),
        Event.custom({**CONTACT, "canary-name": "canary-city"}, event_id="canary-id"),
    ],
)
def test_a_repr_tells_nothing_of_a_person(event):
    """No address, number, variable, or identity of the caller is in an event's repr."""
    text = f"{event!r} {event}"

    assert not [word for word in ("canary", "anna", "example", "38050", "1234") if word in text]


TEXT = st.text(max_size=20)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=20)
NAMES = TEXT.filter(lambda name: name.strip() and name not in {"email", "phone", "automation_id"})


@given(st.dictionaries(NAMES, JSON, max_size=5))
def test_any_json_leaves_as_it_is(variables):
    """Whatever is JSON already is the same value after the event, JSON text and back."""
    sent = json.loads(json.dumps(Event(**CONTACT, variables=variables).to_payload(), allow_nan=False))

    assert sent == {**CONTACT, **variables}


WILD = st.text(st.characters(codec=None, exclude_categories=()), max_size=10)
JUNK = st.recursive(
    SCALARS | WILD | st.floats() | st.binary(max_size=3) | st.decimals() | st.dates() | st.datetimes() | st.uuids()
    | st.complex_numbers() | st.sampled_from([*Colour, *Size, *Unit, object(), Event, Price, print]),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.builds(Box, inner) | st.dictionaries(WILD, inner),
    max_leaves=12,
)  # fmt: skip


@given(JUNK, JUNK, JUNK, JUNK | st.dictionaries(WILD, JUNK), JUNK)
def test_junk_is_sent_whole_or_refused(email, phone, automation_id, variables, event_id):
    """Whatever is given, the event can be sent, or the error is InvalidEventError with a problem."""
    for make in (
        lambda: Event(email=email, phone="+1", variables=variables),
        lambda: Event(email="a@b.c", phone=phone, automation_id=automation_id, event_id=event_id),
        lambda: Event.custom(variables, event_name=phone),
        lambda: Event.from_mapping(variables),
    ):
        try:
            text = json.dumps(make().to_payload(), allow_nan=False, ensure_ascii=False)
        except InvalidEventError as error:
            text = str(error)
        assert text.encode()


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_name_is_no_name_left_out(name):
    """An empty event name would start whatever flow the sender's own name means: it is refused."""
    assert paths_of(Event, phone="+1", event_name=name) == ["event_name"]
    assert paths_of(Event.custom, {"a": 1}, event_name=name) == ["event_name"]
