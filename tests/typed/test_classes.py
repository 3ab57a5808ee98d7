"""Which classes can be declared as events, and what those are told that cannot."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, NewType, Optional, Protocol, TypeVar
from uuid import UUID

import attrs
import cattrs
import pydantic
import pytest
from attrs import define, field, frozen
from typing_extensions import TypeAliasType

from sendpulse_async import ConfigurationError, Event, InvalidEventError, SendPulseError
from sendpulse_async._senders import read_event
from sendpulse_async.typed import AutomationId, Email, EventId, Phone, SentAs, event

from . import elsewhere

if TYPE_CHECKING:
    from nowhere import Absent

Address = Annotated[str, Email]
Customer = NewType("Customer", Address)
Number = TypeAliasType("Number", Address)
Text = TypeVar("Text", bound=str)


class Flow(enum.IntEnum):
    FIRST = 1


class Word(enum.StrEnum):
    A = "a@b.c"


class Valued:
    __value__ = str
    __supertype__ = str


class Readable(Protocol):
    def read(self) -> str: ...


def declared(annotation: Any, name: str = "value", **others: Any) -> type[Any]:
    """Return an event with a phone and one field of this annotation."""
    fields = {"phone": str, name: annotation, **others}
    kind = attrs.make_class("Made", {name: field() for name in fields}, frozen=True)
    for one in attrs.fields(kind):
        object.__setattr__(one, "type", fields[one.name])
    return event()(kind)


def refusal_of(make: Callable[[], Any]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        make()
    return str(caught.value)


# Where a marker may stand


@pytest.mark.parametrize(
    "annotation",
    [
        Annotated[str, Email],
        Annotated[str, "a word", Email, 5],
        Annotated[str | None, Email],
        Annotated[Optional[str], Email],  # noqa: UP045 - the older spelling is meant
        Annotated[str | int, Email],
        Annotated[str, Email] | None,
        Optional[Annotated[str, Email]],  # noqa: UP045 - likewise
        Annotated[Address, Email],
        Annotated[Any, Email],
        Annotated[object, Email],
        Annotated[Literal["a@b.c"], Email],
        Annotated[Word, Email],
        Annotated[Text, Email],
        Annotated[Readable, Email],
        Annotated[pydantic.EmailStr, Email],
        Address,
        Customer,
        Number,
        "Annotated[str, Email]",
        "Address | None",
        "Annotated['str', Email]",
        Annotated["str", Email],
    ],
)
def test_a_marker_is_found(annotation):
    """However an annotation is written, its marker is found, and a type that can be text will do."""
    assert read_event(declared(annotation)("+1", "a@b.c")).email == "a@b.c"


@pytest.mark.parametrize("annotation", [int, int | None, Flow, Literal[1, 2], Any, NewType("Id", int)])
def test_the_number_of_a_flow_may_be_any_whole_number(annotation):
    """Types of whole numbers do for a flow's number."""
    assert read_event(declared(Annotated[annotation, AutomationId])("+1", 1)).automation_id == 1


@pytest.mark.parametrize("annotation", [str, int, UUID, str | None, UUID | int])
def test_an_identity_may_be_text_a_number_or_a_uuid(annotation):
    """These types do for an identity."""
    assert read_event(declared(Annotated[annotation, EventId])("+1", "x")).event_id == "x"


@pytest.mark.parametrize(
    ("annotation", "part", "needed"),
    [
        (Annotated[int, Email], "email", "str"),
        (Annotated[None, Email], "email", "str"),
        (Annotated[bytes | None, Email], "email", "str"),
        (Annotated[list[str], Email], "email", "str"),
        (Annotated[Literal[5], Email], "email", "str"),
        (Annotated[Flow, Email], "email", "str"),
        (Annotated[Valued, Email], "email", "str"),
        (Annotated[str, AutomationId], "automation_id", "int"),
        (Annotated[bool, AutomationId], "automation_id", "int"),
        (Annotated[Literal[True], AutomationId], "automation_id", "int"),
        (Annotated[float | None, EventId], "event_id", "str or int or UUID"),
    ],
)
def test_a_type_that_cannot_be_it(annotation, part, needed):
    """A marker on a field whose values could never pass is refused when the class is made."""
    assert refusal_of(lambda: declared(annotation)) == (
        f"Made cannot be an event: value: is the event's {part}, which its type cannot be: {needed} is needed"
    )


def test_a_reserved_name_is_held_to_its_type():
    """A field called as a part of the event is that part, and its type has to do."""

    def make():
        @event()
        @frozen
        class Called:
            email: str
            phone: int

    assert "phone: is the event's phone, which its type cannot be: str is needed" in refusal_of(make)


@pytest.mark.parametrize(
    "annotation",
    [
        list[Annotated[str, Email]],
        "dict[str, Address] | None",
        Callable[[Annotated[str, Email]], None],
        Annotated[list[Annotated[str, SentAs("x")]], "word"],
    ],
)
def test_a_marker_that_says_nothing_is_refused(annotation):
    """A marker within another type would be passed over, and a contact be missed."""
    assert "value: a marker stands within another type" in refusal_of(lambda: declared(annotation))


@pytest.mark.parametrize("annotation", [Email, "Email"])
def test_a_marker_alone_is_no_type(annotation):
    """A marker without its `Annotated` is refused, with what to write, in quotes or not."""
    assert "value: a marker is no type; write Annotated[str, Email]" in refusal_of(lambda: declared(annotation))


def test_one_marker_a_field():
    """A field cannot be two parts of the event; a marker twice is one."""
    text = refusal_of(lambda: declared(Annotated[str, Email, Phone]))

    assert "value: is marked as Email and Phone, and can only be one of them" in text


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (Annotated[str, Email], Annotated[str | None, Email]),
        (Annotated[int, AutomationId], Annotated[int, AutomationId]),
        (Annotated[str, EventId], Annotated[UUID, EventId]),
    ],
)
def test_one_field_a_marker(value, other):
    """Two fields cannot be the same part."""
    assert ", and so is value; only one of them can be" in refusal_of(lambda: declared(value, other=other))


def test_a_name_counts_as_a_marker():
    """A marked field and one that is called so are two."""

    def make():
        @event()
        @frozen
        class Paid:
            email: str
            customer: Annotated[str, Email]

    assert "customer: is the event's email, and so is email; only one of them can be" in refusal_of(make)


# Names of variables


def test_variables_have_names_of_their_own():
    """Two fields are not sent as one variable."""
    text = refusal_of(lambda: declared(Annotated[str, SentAs("other")], other=int))

    assert "other: is sent as 'other', and so is value; only one of them can be" in text


@pytest.mark.parametrize("name", ["email", "phone", "automation_id"])
def test_a_variable_is_not_called_as_the_contact(name):
    """The right marker is named instead."""
    assert refusal_of(lambda: SentAs(name)).startswith(f"SentAs: {name!r} is no variable; use ")


@pytest.mark.parametrize("name", ["", "  ", None, 5, b"x"])
def test_a_variable_has_a_name(name):
    """A blank name, or none, is refused where it is written."""
    assert "must be text, and not blank" in refusal_of(lambda: SentAs(name))


def test_a_private_field_is_asked_about():
    """Whether a private field is sent is said, not guessed."""

    def make():
        @event()
        @frozen
        class Paid:
            email: str
            _note: str

    assert "_note: is private; name what it is sent as" in refusal_of(make)


# The class


def test_a_contact_is_needed():
    """A class that could never reach anybody is refused."""

    def make():
        @event("seen")
        @frozen
        class Seen:
            page: str

    assert "event: an email or a phone is needed; mark a field" in refusal_of(make)


def test_everything_is_told_at_once():
    """One error lists all that is wrong with a class."""

    def make():
        @event()
        @frozen
        class Wrong:
            page: Annotated[int, Email]
            flow: Annotated[str, AutomationId]
            _note: str

    text = refusal_of(make)
    assert [word in text for word in ("page: ", "flow: ", "_note: ")] == [True] * 3


@pytest.mark.parametrize("name", ["", " ", ".", "..", " paid", "paid ", "pa\nid", "\ud800", 5, b"paid"])
def test_a_name_that_cannot_be_one(name):
    """The sender's own rules for names hold when the class is declared, before any class is seen."""
    assert refusal_of(lambda: event(name)).startswith("event_name: ")


def test_names_may_be_members_of_an_enumeration():
    """A program that lists its names in a `StrEnum` gives its members, for the event and for variables."""

    @event(Word.A)
    @frozen
    class Paid:
        email: str
        total: Annotated[int, SentAs(Word.A)]

    read = read_event(Paid("b@c.d", 5))

    assert (read.event_name, read.to_payload()) == ("a@b.c", {"email": "b@c.d", "a@b.c": 5})


def test_parentheses_are_needed():
    """Who forgets them is told so."""

    def make():
        @event
        @frozen
        class Paid:
            email: str

    assert refusal_of(make) == 'event: write @event("name"), or @event() where the event has no name'


def test_the_converter_is_one_of_cattrs():
    """A function, or the module, is none."""
    for wrong in (cattrs, str, cattrs.Converter):
        assert refusal_of(lambda wrong=wrong: event(converter=wrong)) == "converter must be a cattrs.Converter"


@pytest.mark.parametrize("thing", [5, "Paid", lambda: None])
def test_it_decorates_classes(thing):
    """Nothing else is an event."""
    assert refusal_of(lambda: event()(thing)).startswith("event: decorates a class, not ")


def test_fields_come_first():
    """The other way round the decorator sees no fields: refused, also where a base has some."""

    class Bare:
        email: str

    @event()
    @define
    class Base:
        email: str

    def make():
        @define
        @event("sub")
        class Sub(Base):
            page: str

    assert "has no fields of attrs yet: write @event above @frozen or @define" in refusal_of(lambda: event()(Bare))
    assert "has no fields of attrs yet" in refusal_of(make)


def test_an_event_has_one_name():
    """Declaring a class twice is refused, and so is declaring an `Event`."""

    @event("paid")
    @frozen
    class Paid:
        email: str

    @frozen
    class Mine(Event):
        pass

    assert refusal_of(lambda: event("bought")(Paid)).endswith("Paid is declared as an event already")
    assert refusal_of(lambda: event()(Mine)).endswith("Mine is an Event already")


def test_a_class_made_anew_keeps_its_event():
    """A decorator that makes the class again, for slots, loses nothing."""

    @dataclasses.dataclass(slots=True)
    @event("paid")
    @dataclasses.dataclass
    class Paid:
        email: str

    assert read_event(Paid("a@b.c")) == Event(email="a@b.c", event_name="paid")


def test_what_is_no_field_is_not_looked_at():
    """Constants of the class, and their annotations, are its own affair."""

    @event()
    @frozen
    class Paid:
        email: str
        table: ClassVar[Absent] = 5
        LIMIT: ClassVar[Final] = 7

    assert read_event(Paid("a@b.c")).to_payload() == {"email": "a@b.c"}


# Annotations that name what comes later


@event("late")
@frozen
class Late:
    customer: Annotated[str, Email]
    items: Sequence[Later]


@event("wrong")
@frozen
class LateAndWrong:
    page: Later
    flow: Annotated[str, AutomationId]


@event("missing")
@frozen
class Missing:
    customer: Annotated[str, Email]
    items: list[Absent]


@frozen
class Later:
    sku: str


def test_an_annotation_may_name_what_comes_later():
    """A class may be declared above those that it holds."""
    assert read_event(Late("a@b.c", [Later("cup")])).to_payload() == {"email": "a@b.c", "items": [{"sku": "cup"}]}


def test_a_wrong_class_that_could_not_be_checked_is_told_by_its_event():
    """What could not be known when it was declared is a problem of the event, every time."""
    for _ in range(2):
        with pytest.raises(InvalidEventError) as caught:
            read_event(LateAndWrong(Later("x"), "1"))
        assert [problem.partition(":")[0] for problem in caught.value.problems] == ["flow", "event"]


@event("half")
@frozen
class HalfThere:
    customer: elsewhere.Missing
    page: str


def test_a_module_may_not_be_read_to_its_end_yet(monkeypatch):
    """Where modules import each other, the decorator may come before a name: the first event finds it."""
    with pytest.raises(InvalidEventError, match=r"^customer: its annotation cannot be read, module"):
        read_event(HalfThere("a@b.c", "/"))

    monkeypatch.setattr(elsewhere, "Missing", Address, raising=False)

    assert read_event(HalfThere("a@b.c", "/")).email == "a@b.c"


def test_a_name_that_never_comes():
    """An import for type checkers alone is named, and what to do."""
    with pytest.raises(InvalidEventError) as caught:
        read_event(Missing("a@b.c", []))

    advice = "import it at run time, too, or call attrs.resolve_types"
    assert caught.value.problems == (f"items: its annotation cannot be read, name 'Absent' is not defined: {advice}",)


def test_names_of_a_function_can_be_given():
    """`attrs.resolve_types` helps where a type is known in one function only."""

    @frozen
    class Inner:
        sku: str

    @event()
    @frozen
    class Outer:
        email: str
        inner: Inner

    with pytest.raises(InvalidEventError):
        read_event(Outer("a@b.c", Inner("x")))

    attrs.resolve_types(Outer, localns=locals())

    assert read_event(Outer("a@b.c", Inner("x"))).to_payload() == {"email": "a@b.c", "inner": {"sku": "x"}}


@event()
@define
class Inherited(elsewhere.Base):
    mobile: Annotated[str, Phone] = "+1"


@event()
@dataclasses.dataclass
class AsDataclass(elsewhere.DataclassBase):
    mobile: Annotated[str, Phone] = "+1"


@pytest.mark.parametrize("kind", [Inherited, AsDataclass])
def test_a_name_means_what_it_means_where_it_is_written(kind):
    """The annotations of a base are read with the names of its own module."""
    read = read_event(kind("a@b.c", elsewhere.Later("x")))

    assert read.to_payload() == {"email": "a@b.c", "phone": "+1", "later": {"word": "x"}}


@event()
@define
class Named:
    Sequence: Sequence[str]
    email: Annotated[str, SentAs("address"), Email]
    Phone: Annotated[str, Phone]


def test_a_field_may_be_called_as_a_type():
    """A slot, or a default, does not hide the type of the same name."""
    assert read_event(Named(["x"], "a@b.c", "+1")).to_payload() == {
        "email": "a@b.c",
        "phone": "+1",
        "Sequence": ["x"],
        "address": "a@b.c",
    }


# What is no event


@frozen
class Undeclared:
    email: str


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (Undeclared("a@b.c"), "event: Undeclared is not declared as one; put @event above its class"),
        (Undeclared, "event: is the class Undeclared; give an object of an event's class"),
        (Late, "event: is the class Late; give an object of an event's class"),
        (5, "event: must be an Event or a mapping, not int"),
        ("a@b.c", "event: must be an Event or a mapping, not str"),
        (None, "event: must be an Event or a mapping, not NoneType"),
    ],
)
def test_what_nobody_declared_is_refused(given, problem):
    """An object of another class is no event, and neither is a class, declared or not."""
    with pytest.raises(InvalidEventError) as caught:
        read_event(given)

    assert caught.value.problems == (problem,)


def test_every_error_is_the_librarys_own():
    """Who catches `SendPulseError`, or `ValueError`, catches these."""
    with pytest.raises(SendPulseError) as caught:
        event("")

    assert isinstance(caught.value, ValueError)
