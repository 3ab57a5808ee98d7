"""Any name, any variables, any URL that is taken: they arrive as they were given, on a real socket."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from carriers import DIRECT, HTTPX, OWN, OWN_ON_TRIO, carried_by
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import (
    ApiKey,
    AuthorizedEventSender,
    BodyFormat,
    ConfigurationError,
    Event,
    InvalidEventError,
    RawEventSender,
)
from sendpulse_async.sandbox import Sandbox

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(200)]

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=12)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=9
)
NAMES = TEXT.filter(lambda name: name.strip() and name not in {"email", "phone", "automation_id"})
SEGMENTS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/?#%\\"), min_size=1, max_size=12
)


@examples(60)
@given(name=ANY_TEXT, variables=st.dictionaries(NAMES, JSON, max_size=5))
@carried_by(OWN, OWN_ON_TRIO, DIRECT, HTTPX)
async def test_any_event_by_name_arrives_as_it_was_given(carrier, name, variables):
    """A name is refused before anything is sent, or the other side reads the same name, with the same variables."""
    with Sandbox() as sandbox:
        async with (
            carrier.open() as transport,
            AuthorizedEventSender(ApiKey(sandbox.api_key), base_url=sandbox.origin, transport=transport) as sender,
        ):
            event, problems = Event(email="someone@example.com", variables=variables), ()
            try:
                await sender.send_event(event, event_name=name)
            except InvalidEventError as error:
                problems = error.problems

    if problems:
        assert all(problem.startswith("event_name: ") for problem in problems)
        assert sandbox.events == sandbox.refused == ()
    else:
        (entry,) = sandbox.events
        assert entry.event == name
        assert entry.payload == {"email": "someone@example.com"} | variables


@examples(40)
@given(segments=st.lists(SEGMENTS, min_size=1, max_size=3), query=SEGMENTS | st.just(""), text=TEXT)
@carried_by(OWN, OWN_ON_TRIO, DIRECT, HTTPX)
async def test_any_url_is_refused_or_asked_for_as_it_is(carrier, serve, segments, query, text):
    """What stands in the request line is the path that was given, and what was no path stays as data in the body."""
    server = serve()
    path = "/" + "/".join(segments) + ("?" + query if query else "")
    async with carrier.open() as transport:
        try:
            sender = RawEventSender(f"http://127.0.0.1:{server.port}{path}", transport=transport)
        except ConfigurationError:
            return
        async with sender:
            await sender.send_event({"email": "someone@example.com", "text": text})

    (seen,) = server.ledger
    asked_for = seen.request_line.removeprefix(b"POST ").removesuffix(b" HTTP/1.1").decode("ascii")
    assert asked_for in {path, quote(path, safe="/%:@!$&'()*+,;=~-._?")}
    assert len(seen.header(b"content-length")) == 1


@examples(40)
@given(variables=st.dictionaries(NAMES, JSON, max_size=4), body_format=st.sampled_from(BodyFormat))
@carried_by(OWN)
async def test_any_variables_survive_each_encoding(carrier, variables, body_format):
    """JSON keeps every value; a form is refused before anything is sent, or its contact arrives beside anything."""
    with Sandbox() as sandbox:
        async with (
            carrier.open() as transport,
            RawEventSender(sandbox.event_url, body_format=body_format, transport=transport) as sender,
        ):
            try:
                await sender.send_event({"email": "someone@example.com"} | variables)
            except InvalidEventError:
                assert body_format is not BodyFormat.RAW
                assert sandbox.events == sandbox.refused == ()
                return

    (entry,) = sandbox.events
    assert entry.email == "someone@example.com"
    if body_format is BodyFormat.RAW:
        assert entry.payload == {"email": "someone@example.com"} | variables
