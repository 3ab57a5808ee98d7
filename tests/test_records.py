"""An event that was stored is the event that was put."""

from __future__ import annotations

import json

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import Event, InvalidEventError
from sendpulse_async._events import RESERVED_FIELDS
from sendpulse_async._records import event_of, record_of

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LABEL = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**1000), 2**1000)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)
NAMES = {"event_name": st.none() | LABEL, "event_id": st.none() | LABEL}
EVENTS = st.builds(
    Event,
    email=st.just("someone@example.com"),
    phone=st.none() | st.just("+123456789"),
    automation_id=st.none() | st.integers(1, 10**12),
    variables=st.dictionaries(LABEL.filter(lambda name: name not in RESERVED_FIELDS), JSON, max_size=4),
    **NAMES,
) | st.builds(Event.custom, st.dictionaries(TEXT | st.sampled_from(RESERVED_FIELDS), JSON, max_size=4), **NAMES)


@examples(150)
@given(EVENTS)
def test_an_event_comes_back_as_it_was(event):
    """Equal in every field, custom or not, and so is what would be sent."""
    restored = event_of(record_of(event, None))

    assert restored == event
    assert json.dumps(restored.to_payload()) == json.dumps(event.to_payload())


@examples(50)
@given(EVENTS, LABEL)
def test_the_calls_name_beats_the_events(event, name):
    """The name that `put` was given is the event's from then on; nothing else of it changes."""
    restored = event_of(record_of(event, name))

    assert restored.event_name == name.strip()
    assert restored.to_payload() == event.to_payload()
    assert restored.event_id == event.event_id


@pytest.mark.parametrize("name", ["", "  ", "a\nb", 5])
def test_a_name_that_is_none_is_refused(name):
    """As it would be in an event."""
    with pytest.raises(InvalidEventError, match="event_name"):
        record_of(Event(email="someone@example.com"), name)


@pytest.mark.parametrize("spoil", [object(), float("nan"), {1, 2}])
def test_an_event_that_was_spoiled_is_refused(spoil):
    """What was changed after its check, and is no JSON any more, is told as an invalid event, without a quotation."""
    event = Event(email="canary@example.com", variables={"list": []})
    event.variables["list"].append(spoil)

    with pytest.raises(InvalidEventError, match="was changed after it was checked") as caught:
        record_of(event, None)
    assert "canary" not in str(caught.value)
