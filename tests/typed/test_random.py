"""For any class and any values: what its objects send is what the event written by hand sends."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import attrs
import cattrs
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import Event, InvalidEventError
from sendpulse_async._senders import read_event
from sendpulse_async.typed import AutomationId, Email, EventId, Phone, SentAs, event


class Size(Enum):
    SMALL = 1
    LARGE = "large"


@attrs.frozen
class Item:
    sku: Any
    price: Any = None


@dataclasses.dataclass
class Box:
    content: Any


MARKS = {"email": Email, "phone": Phone, "automation_id": AutomationId, "event_id": EventId}
PARTS = {
    "email": st.sampled_from(["ana@example.com", " b@c.d ", "", "nobody", None, 5]),
    "phone": st.sampled_from(["+380501234567", "1", "none", None, 5]),
    "automation_id": st.sampled_from([1, 7, 0, None, True, "7"]),
    "event_id": st.sampled_from(["o-1", " x ", "", None, "a\x07b", b"x"]),
}
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.decimals(),
    st.dates(max_value=date(2099, 1, 1)),
    st.datetimes(timezones=st.sampled_from([UTC, None])),
    st.sampled_from(Size),
    st.uuids(),
    st.just(b"no JSON"),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
        st.builds(Item, inner, inner),
        st.builds(Box, inner),
    ),
    max_leaves=5,
)
TYPES = st.sampled_from([Any, object, int, str | None, Decimal, datetime, UUID, list[Item], dict[str, Any], Item, Box])
NAMES = st.from_regex(r"f_[a-z0-9_]{1,6}", fullmatch=True)
SENT_AS = st.text(min_size=1, max_size=6).filter(lambda name: name.strip() and name not in MARKS)


MADE: dict[str, Any] = {}
AS_IT_IS = cattrs.Converter()
AS_IT_IS.register_unstructure_hook_factory(lambda _: True, lambda _: lambda value: value)


@attrs.frozen
class Case:
    """An object of a declared class, the keywords of the same event by hand, and the fields for its paths."""

    given: Any
    by_hand: dict[str, Any]
    paths: dict[str, str]


@st.composite
def cases(draw) -> Case:
    """Draw a class: some of its fields are parts of the event, under names of any kind, the others variables."""
    parts = draw(st.lists(st.sampled_from(list(MARKS)), unique=True))
    parts = parts if {"email", "phone"} & set(parts) else [*parts, "phone"]
    names = draw(st.lists(NAMES, min_size=len(parts), max_size=len(parts) + 4, unique=True))
    roles = draw(st.permutations(parts + [None] * (len(names) - len(parts))))
    case = Case({}, {"variables": {}}, {})
    annotations = {}
    for name, part in zip(names, roles, strict=True):
        field, annotation = _part(draw, case, name, part) if part else _variable(draw, case, name, names)
        annotations[field] = annotation
    return attrs.evolve(case, given=_made(draw, annotations)(**case.given))


def _part(draw, case: Case, name: str, part: str) -> tuple[str, Any]:
    name = part if part != "event_id" and draw(st.booleans()) else name
    case.given[name] = case.by_hand[part] = draw(PARTS[part])
    case.paths[part] = name
    is_marked = name != part or draw(st.booleans())
    return name, Annotated[Any, MARKS[part]] if is_marked else Any


def _variable(draw, case: Case, name: str, names: list[str]) -> tuple[str, Any]:
    variables = case.by_hand["variables"]
    others = SENT_AS.filter(lambda text: text not in names and text not in variables)
    sent_as, kind = draw(st.one_of(st.just(name), others)), draw(TYPES)
    case.given[name] = variables[sent_as] = draw(VALUES)
    case.paths[f"variables.{sent_as}" if sent_as.isidentifier() else f"variables[{sent_as!r}]"] = name
    return name, kind if sent_as == name else Annotated[kind, SentAs(sent_as)]


def _made(draw, annotations: dict[str, Any]) -> type[Any]:
    decorate = draw(st.sampled_from([attrs.define, attrs.frozen, attrs.define(slots=False), dataclasses.dataclass]))
    if draw(st.booleans()):  # as text, as they are under `from __future__ import annotations`
        MADE.clear()
        MADE.update(annotations)
        annotations = {name: f"MADE[{name!r}]" for name in annotations}
    kind = decorate(type("Made", (), {"__annotations__": annotations, "__module__": __name__}))
    return event("made", converter=draw(st.sampled_from([None, AS_IT_IS])))(kind)


def _mended(problem: str, paths: dict[str, str]) -> str:
    """Return a problem with the field's name for the event's own path; without an email its phone stands for both."""
    for path, name in ({"email": paths.get("phone", "")} | paths).items():
        if problem.startswith(path) and problem[len(path)] in ":.[":
            return name + problem[len(path) :]
    raise AssertionError(f"no field is named by {problem}")


@given(cases())
@examples(200)
def test_an_object_sends_what_the_event_by_hand_sends(case):
    """Payload, name and identity are the same; where that event is refused the object is, for the same reasons."""
    try:
        expected = Event(**case.by_hand, event_name="made")
    except InvalidEventError as error:
        expected = [_mended(problem, case.paths) for problem in error.problems]

    try:
        read = read_event(case.given)
    except InvalidEventError as error:
        read = list(error.problems)

    assert read == expected
    if isinstance(expected, Event):
        assert json.dumps(read.to_payload()) == json.dumps(expected.to_payload())
