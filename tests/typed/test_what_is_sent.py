"""What an object of a declared class is sent as: what the same event written by hand is sent as."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import attrs
import cattrs
import pytest
from attrs import define, field, frozen

from sendpulse_async import Event, InvalidEventError
from sendpulse_async._senders import read_event
from sendpulse_async.typed import AutomationId, Email, EventId, Phone, SentAs, event
from sendpulse_async.typed._declaration import declaration_of

T = TypeVar("T")
ORDER = UUID("12345678-1234-5678-1234-567812345678")
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


class Colour(Enum):
    RED = "red"


@frozen
class Item:
    sku: str
    price: Decimal


@dataclasses.dataclass
class Box:
    items: list[Item]


@event("order_paid")
@frozen(kw_only=True)
class OrderPaid:
    """One of each kind of field."""

    customer: Annotated[str | None, Email] = None
    mobile: Annotated[str, Phone] | None = None
    flow: Annotated[int | None, AutomationId] = None
    order: Annotated[UUID, EventId] = ORDER
    total: Decimal = Decimal("12.50")
    paid_at: datetime = NOON
    date: date = date(2026, 11, 27)
    colour: Colour = Colour.RED
    items: tuple[Item, ...] = (Item("cup", Decimal(3)),)
    box: Box | None = None
    free: Annotated[str, SentAs("free text")] = "yes"


@event("opened")
@define
class Opened:
    email: str
    phone: str | None = None
    automation_id: int | None = None
    page: str = "/"


@event("opened", converter=cattrs.Converter())
@define
class Odd:
    email: str
    converter: str
    cl: int
    kind: int
    instance: int


def problems_of(given: Any) -> list[str]:
    with pytest.raises(InvalidEventError) as caught:
        read_event(given)
    assert caught.value.__cause__ is None
    return list(caught.value.problems)


def test_each_field_is_what_it_is_marked_as():
    """The contact, the flow and the identity come from the marked fields; all others are variables."""
    given = OrderPaid(customer=" ana@example.com ", mobile="+380501234567", flow=7, box=Box([Item("lid", Decimal(1))]))

    assert read_event(given) == Event(
        email="ana@example.com",
        phone="+380501234567",
        automation_id=7,
        event_id=str(ORDER),
        event_name="order_paid",
        variables={
            "total": Decimal("12.50"),
            "paid_at": NOON,
            "date": date(2026, 11, 27),
            "colour": Colour.RED,
            "items": [{"sku": "cup", "price": 3}],
            "box": {"items": [{"sku": "lid", "price": 1}]},
            "free text": "yes",
        },
    )


def test_the_payload_is_plain_and_in_order():
    """What leaves is JSON, with the contact first and the variables in the order of their fields; None is null."""
    payload = read_event(OrderPaid(mobile="+1")).to_payload()

    assert list(payload.items()) == [
        ("phone", "+1"),
        ("total", 12.5),
        ("paid_at", "2026-11-26T12:00:00+00:00"),
        ("date", "2026-11-27"),
        ("colour", "red"),
        ("items", [{"sku": "cup", "price": 3}]),
        ("box", None),
        ("free text", "yes"),
    ]


def test_a_reserved_name_needs_no_marker():
    """Fields called as in SendPulse's flat object are those parts of the event."""
    given = Opened("ana@example.com", "+1", 5)

    assert read_event(given) == Event(
        email="ana@example.com", phone="+1", automation_id=5, event_name="opened", variables={"page": "/"}
    )


def test_no_name_is_one_too_many():
    """Names that a reader of fields might use for itself are names of fields."""
    given = Odd("a@b.c", "x", 1, 2, 3)

    assert read_event(given).variables == {"converter": "x", "cl": 1, "kind": 2, "instance": 3}


@pytest.mark.parametrize(("order", "event_id"), [("o-1", "o-1"), (17, "17"), (ORDER, str(ORDER)), (None, None)])
def test_an_identity_is_text(order, event_id):
    """A number and a UUID identify an event by their usual spelling."""

    @event()
    @frozen
    class Paid:
        email: str
        order: Annotated[Any, EventId]

    assert read_event(Paid("a@b.c", order)).event_id == event_id


@pytest.mark.parametrize("order", [True, 1.5, Colour.RED, b"x"])
def test_what_is_no_identity_is_refused(order):
    """Other values are not guessed at, and the path is the field's."""

    @event()
    @frozen
    class Paid:
        email: str
        order: Annotated[Any, EventId]

    (problem,) = problems_of(Paid("a@b.c", order))
    assert problem == f"order: must be a string, not {type(order).__name__}"


def test_a_marked_field_can_be_a_variable_too():
    """A part of the event is sent as a variable where it is given a name as one."""

    @event()
    @frozen
    class Paid:
        customer: Annotated[str, Email, SentAs("contact")]
        order: Annotated[UUID, SentAs("order_id"), EventId]

    given = read_event(Paid("a@b.c", ORDER))

    assert given.to_payload() == {"email": "a@b.c", "contact": "a@b.c", "order_id": str(ORDER)}
    assert given.event_id == str(ORDER)


def test_a_reserved_name_can_be_given_away():
    """A field called `phone` that is sent under another name is a variable, of any type."""

    @event()
    @frozen
    class Bought:
        email: str
        phone: Annotated[Item, SentAs("device")]

    assert read_event(Bought("a@b.c", Item("fold", Decimal(9)))).to_payload() == {
        "email": "a@b.c",
        "device": {"sku": "fold", "price": 9},
    }


def test_inner_state_stays_at_home():
    """Fields that nobody can give are sent only where they are marked."""

    @event()
    @define
    class Paid:
        email: str
        _cache: dict[str, int] = field(factory=dict, init=False)
        count: int = field(default=1, init=False)
        order: Annotated[str, EventId] = field(default="o-1", init=False)
        sum: Annotated[int, SentAs("sum")] = field(default=5, init=False)
        _hidden: Annotated[int, SentAs("shown")] = 7

    given = read_event(Paid("a@b.c"))

    assert given.to_payload() == {"email": "a@b.c", "sum": 5, "shown": 7}
    assert given.event_id == "o-1"


def test_an_alias_is_a_keyword_and_no_more():
    """A field goes by its own name, whatever its class's constructor calls it."""

    @event()
    @frozen(kw_only=True)
    class Paid:
        email: str = field(alias="to")
        total: int = field(alias="sum")

    assert read_event(Paid(to="a@b.c", sum=5)).to_payload() == {"email": "a@b.c", "total": 5}


@pytest.mark.parametrize("options", [{}, {"slots": True}, {"frozen": True}, {"frozen": True, "slots": True}])
def test_a_dataclass_is_as_good(options):
    """Any dataclass can be an event."""

    @event("paid")
    @dataclasses.dataclass(**options)
    class Paid:
        customer: Annotated[str, Email]
        total: Decimal = Decimal(1)
        inner: int = dataclasses.field(default=2, init=False)

    assert read_event(Paid("a@b.c")) == Event(email="a@b.c", event_name="paid", variables={"total": 1})


@pytest.mark.parametrize("slots", [True, False])
@pytest.mark.parametrize("frozen", [True, False])
def test_every_kind_of_attrs_class_does(slots, frozen):
    """With slots or without, frozen or not."""

    @event()
    @define(slots=slots, frozen=frozen)
    class Paid:
        customer: Annotated[str, Email]
        total: int = 1

    assert read_event(Paid("a@b.c")).to_payload() == {"email": "a@b.c", "total": 1}


def test_attrs_of_old_without_types():
    """Fields of `attr.ib` without annotations are what their names say."""
    kind = event("old")(attrs.make_class("Old", ["email", "total"], frozen=True))

    assert read_event(kind("a@b.c", 5)) == Event(email="a@b.c", event_name="old", variables={"total": 5})


def test_a_generic_class():
    """A parameter of the class can stand for a value."""

    @event()
    @frozen
    class Paid(Generic[T]):
        email: str
        value: T

    assert read_event(Paid[int]("a@b.c", 5)).to_payload() == {"email": "a@b.c", "value": 5}


def test_a_subclass_is_an_event_of_the_same_name():
    """Code that is given an order may be given a special one: the name stays, its own fields are added."""

    @frozen(kw_only=True)
    class Gift(OrderPaid):
        wrapping: str

    class Plain(Gift):
        pass

    expected = read_event(OrderPaid(mobile="+1"))
    for kind in (Gift, Plain):
        gift = read_event(kind(mobile="+1", wrapping="silk"))
        assert gift.event_name == "order_paid"
        assert gift.variables == {**expected.variables, "wrapping": "silk"}
    assert "wrapping" not in read_event(OrderPaid(mobile="+1")).variables


def test_a_subclass_can_have_a_name_of_its_own():
    """Decorated itself, it is another event, and its base stays what it was."""

    @event("gift_paid")
    @frozen(kw_only=True)
    class Gift(OrderPaid):
        pass

    assert read_event(Gift(mobile="+1")).event_name == "gift_paid"
    assert read_event(OrderPaid(mobile="+1")).event_name == "order_paid"


def test_a_wrong_subclass_is_told_with_its_event():
    """What nobody decorated is checked when it is sent, and its base is none the worse."""

    @frozen(kw_only=True)
    class Twice(OrderPaid):
        email: str

    assert problems_of(Twice(email="a@b.c")) == [
        "email: is the event's email, and so is customer; only one of them can be"
    ]
    assert read_event(OrderPaid(mobile="+1")).phone == "+1"


def test_what_is_read_does_not_change():
    """An event is a copy: what becomes of the object later changes nothing."""
    opened = Opened("ana@example.com")

    read = read_event(opened)
    opened.page, opened.email = "/later", "ben@example.com"

    assert read.to_payload() == {"email": "ana@example.com", "page": "/"}
    assert read_event(opened).to_payload() == {"email": "ben@example.com", "page": "/later"}


def test_objects_are_copied_and_pickled_as_ever():
    """The decorator changes nothing of an object: it compares, copies, evolves and pickles as before."""
    given = OrderPaid(customer="a@b.c")

    for other in (copy.copy(given), copy.deepcopy(given), pickle.loads(pickle.dumps(given)), attrs.evolve(given)):
        assert other == given
        assert hash(other) == hash(given)
        assert read_event(other) == read_event(given)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"customer": "nobody"}, "customer: is not an address: something@somewhere is needed"),
        ({"customer": None}, "customer: an event needs an email or a phone"),
        ({"customer": 5}, "customer: must be a string, not int"),
        ({"mobile": "none"}, "mobile: is not a number: it has no digit"),
        ({"flow": 0}, "flow: must be a positive integer"),
        ({"order": "a\x07b"}, "order: has a control character"),
        ({"total": Decimal("nan")}, "total: must be a finite number"),
        ({"paid_at": datetime(2026, 11, 26)}, "paid_at: a datetime needs a time zone; for a day alone use a date"),
        (
            {"items": [Item("a", Decimal(1)), Item("b", b"")]},
            "items[1].price: a bytes has no place in JSON; convert it first",
        ),
        ({"free": b""}, "free: a bytes has no place in JSON; convert it first"),
    ],
)
def test_a_problem_has_the_path_of_the_field(changes, problem):
    """Who reads the error finds the field in the class, whatever it is sent as."""
    assert problems_of(attrs.evolve(OrderPaid(customer="a@b.c"), **changes)) == [problem]


def test_all_problems_are_told_at_once():
    """One error lists all of them, and quotes none of the values."""
    wrong = OrderPaid(customer="canary@", mobile="none", flow=-1, total=object(), items=[{1: 2}])

    problems = problems_of(wrong)

    assert [problem.partition(":")[0] for problem in problems] == ["customer", "mobile", "flow", "total", "items[0]"]
    assert "canary" not in str(problems)


def test_a_class_without_an_email_names_its_phone():
    """An event without a contact says so of a field that its class has."""

    @event()
    @frozen
    class Called:
        number: Annotated[str | None, Phone]

    assert problems_of(Called(None)) == ["number: an event needs an email or a phone"]


def test_fields_with_like_names_are_told_apart():
    """A path is mended for its own field, not for one whose name begins alike."""

    @event()
    @frozen
    class Paid:
        email: str
        a: Annotated[Any, SentAs("total")]
        b: Annotated[Any, SentAs("totals")]

    assert problems_of(Paid("a@b.c", 1, b"")) == ["b: a bytes has no place in JSON; convert it first"]
    assert problems_of(Paid("a@b.c", [b""], 1)) == ["a[0]: a bytes has no place in JSON; convert it first"]


def test_a_field_without_a_value_is_named():
    """An object that was never filled is refused, and so is one whose reading raises."""

    @event()
    @define
    class Paid:
        email: str
        order: Annotated[str, EventId] = field(init=False)

    @event()
    @define(slots=False)
    class Trap:
        email: str

        def __getattribute__(self, name):
            if name == "email":
                raise RuntimeError("canary@example.com")
            return super().__getattribute__(name)

    assert problems_of(Paid("a@b.c")) == ["order: has no value"]
    assert problems_of(Trap("a@b.c")) == ["event: reading the Trap raised RuntimeError"]


# The caller's own converter


def test_values_go_through_the_callers_converter():
    """Its hooks are asked by each field's type, below a list too; the contact is not a variable and stays."""
    converter = cattrs.Converter()
    converter.register_unstructure_hook(Decimal, lambda value: f"{value:.2f} EUR")
    converter.register_unstructure_hook(datetime, lambda value: value.strftime("%d.%m.%Y"))

    @event(converter=converter)
    @frozen
    class Paid:
        customer: Annotated[str, Email]
        total: Annotated[Decimal, SentAs("sum")]
        items: list[Item]
        paid_at: datetime | None = None
        when: datetime = NOON

    assert read_event(Paid("a@b.c", Decimal("1.5"), [Item("cup", Decimal(3))])).to_payload() == {
        "email": "a@b.c",
        "sum": "1.50 EUR",
        "items": [{"sku": "cup", "price": "3.00 EUR"}],
        "paid_at": None,
        "when": "26.11.2026",
    }


def test_a_value_of_an_open_type_goes_by_its_own():
    """Where a field's type says nothing of its value, the value's class does."""
    converter = cattrs.Converter()
    converter.register_unstructure_hook(Decimal, lambda value: f"{value:.2f} EUR")

    @event(converter=converter)
    @frozen
    class Paid(Generic[T]):
        email: str
        parameter: T
        anything: Any
        thing: object
        either: Decimal | str

    values = read_event(Paid("a@b.c", *[Decimal(1)] * 4)).variables

    assert values == dict.fromkeys(("parameter", "anything", "thing", "either"), "1.00 EUR")


def test_a_hook_may_come_after_the_class():
    """A program that sets its converter up when it starts is not too late."""
    converter = cattrs.Converter()

    @event(converter=converter)
    @frozen
    class Paid:
        email: str
        total: Decimal

    before = read_event(Paid("a@b.c", Decimal(1))).variables
    converter.register_unstructure_hook(Decimal, str)

    assert (before, read_event(Paid("a@b.c", Decimal(1))).variables) == ({"total": 1}, {"total": "1"})


def test_what_a_converter_makes_is_checked():
    """What is no JSON after it is a problem of the field, and what it raises is one of the event."""
    converter = cattrs.Converter()
    converter.register_unstructure_hook(Decimal, lambda value: b"")
    converter.register_unstructure_hook(Colour, lambda value: 1 / 0)

    @event(converter=converter)
    @frozen
    class Paid:
        email: str
        total: Decimal | None = None
        colour: Colour | None = None

    assert problems_of(Paid("a@b.c", total=Decimal(1))) == ["total: a bytes has no place in JSON; convert it first"]
    assert problems_of(Paid("a@b.c", colour=Colour.RED)) == ["event: reading the Paid raised ZeroDivisionError"]


def test_a_hook_may_refuse_a_value():
    """What it says itself of the event is what is told."""

    def refuse(value):
        raise InvalidEventError(["total: is not for this list"])

    converter = cattrs.Converter()
    converter.register_unstructure_hook(Decimal, refuse)

    @event(converter=converter)
    @frozen
    class Paid:
        email: str
        total: Decimal

    assert problems_of(Paid("a@b.c", Decimal(1))) == ["total: is not for this list"]


def test_a_class_is_looked_at_once():
    """However many objects are sent, of the class or of a subclass that nobody declared."""

    class Special(Opened):
        pass

    for kind in (Opened, Special):
        first, second = (declaration_of(kind("a@b.c")) for _ in range(2))
        assert first.plan() is second.plan()


def test_a_mapping_of_attrs_is_a_mapping():
    """A mapping is read as one, whatever its class was made with."""

    @frozen
    class Row(Mapping):
        cells: dict[str, Any]

        def __getitem__(self, name):
            return self.cells[name]

        def __iter__(self):
            return iter(self.cells)

        def __len__(self):
            return len(self.cells)

    assert read_event(Row({"email": "a@b.c", "total": 5})).to_payload() == {"email": "a@b.c", "total": 5}


def test_a_package_without_events_of_this_kind_pays_nothing():
    """Declaring and sending them imports nothing that the package does not import anyway."""
    program = (
        "import sys, sendpulse_async; before = set(sys.modules); import sendpulse_async.typed;"
        "print(sorted(set(sys.modules) - before))"
    )

    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert told.stdout == "[]\n"
