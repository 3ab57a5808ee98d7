"""The two senders: what they can be told, where an event goes, and what they leave open or closed."""

from __future__ import annotations

import gc
import warnings

import anyio
import pytest
from fake_account import CREDENTIALS, Account
from fakes import TAKEN, ScriptedTransport, Step, at_once, backend, now, put_on_virtual_time

from sendpulse_async import (
    ApiKey,
    AuthorizedEventSender,
    Event,
    EventSender,
    HttpxTransport,
    InvalidEventError,
    NotSentError,
    RateLimit,
    RawEventSender,
    RetryPolicy,
)

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

EVENT = {"email": "a@example.com"}
SECRET = "eb561baa181247d1cd378c4ead632877"
URL = f"https://events.sendpulse.com/events/id/{SECRET}/7043663"
KEY = ApiKey("canary-key")
LOCAL = "http://127.0.0.1:9"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return backend(request.param)


@pytest.fixture(autouse=True)
def virtual_time(monkeypatch):
    put_on_virtual_time(monkeypatch)


def raw(transport=None, url=URL, **options):
    return RawEventSender(url, **{"transport": transport or ScriptedTransport(TAKEN), "rate_limit": None, **options})


def authorized(transport=None, auth=KEY, **options):
    defaults = {"transport": transport or ScriptedTransport(TAKEN), "rate_limit": None, "event_name": "order"}
    return AuthorizedEventSender(auth, **{**defaults, **options})


# Where an event goes


@pytest.mark.parametrize(
    ("own", "of_event", "of_call", "used"),
    [
        ("sender", None, None, "sender"),
        ("sender", "event", None, "event"),
        ("sender", "event", "call", "call"),
        (None, "event", None, "event"),
        (None, None, "call", "call"),
        ("sender", None, "call", "call"),
        (None, "a/b c?\u00e9", None, "a%2Fb%20c%3F%C3%A9"),
    ],
)
async def test_the_calls_name_beats_the_events_and_the_events_the_senders(own, of_event, of_call, used):
    """An event goes to the nearest of its names, which is one percent-encoded segment."""
    transport = ScriptedTransport(TAKEN)
    event = Event(email="a@example.com", event_name=of_event)

    async with authorized(transport, event_name=own) as sender:
        await sender.send_event(event, event_name=of_call)

    (request,) = transport.requests
    assert request.target.url == f"https://api.sendpulse.com/events/name/{used}"
    assert dict(request.headers)[b"Authorization"] == b"Bearer canary-key"


async def test_an_event_without_a_name_is_an_error():
    """Where neither call, event nor sender names an event, nothing is sent, and the error says who could have."""
    transport = ScriptedTransport(TAKEN)

    async with authorized(transport, event_name=None) as sender:
        with pytest.raises(InvalidEventError, match=r"event_name: .*call.*event.*sender"):
            await sender.send_event(EVENT)

    assert transport.requests == []


@pytest.mark.parametrize("of_call", [True, False])
async def test_a_raw_sender_takes_no_name(of_call):
    """A raw URL names its event: a name beside it is an error, before any I/O."""
    transport = ScriptedTransport(TAKEN)
    event = EVENT if of_call else Event(email="a@example.com", event_name="order")

    async with raw(transport) as sender:
        with pytest.raises(InvalidEventError, match="event_name"):
            await sender.send_event(event, event_name="order" if of_call else None)

    assert transport.requests == []


async def test_a_raw_event_goes_to_its_url():
    """The URL is used as it was given, and no authorisation goes with it."""
    transport = ScriptedTransport(TAKEN)

    async with raw(transport) as sender:
        await sender.send_event(EVENT)

    (request,) = transport.requests
    assert request.target.url == URL
    assert request.body == b'{"email":"a@example.com"}'
    assert b"Authorization" not in dict(request.headers)


# The default rate limit


@pytest.mark.parametrize(
    ("make", "spacing"),
    [
        (lambda **options: RawEventSender(URL, **options), 0.1),
        (lambda **options: RawEventSender(f"https://api.sendpulse.com/events/id/{SECRET}/1", **options), 0.1),
        (lambda **options: AuthorizedEventSender(KEY, event_name="order", **options), 0.1),
        (lambda **options: RawEventSender(f"{LOCAL}/events/id/x/1", **options), 0),
        (lambda **options: RawEventSender("https://proxy.example/x", allowed_hosts={"proxy.example"}, **options), 0),
        (lambda **options: AuthorizedEventSender(KEY, event_name="order", base_url=LOCAL, **options), 0),
        (lambda **options: RawEventSender(URL, rate_limit=None, **options), 0),
        (lambda **options: RawEventSender(URL, rate_limit=RateLimit(per_second=2), **options), 0.5),
    ],
)
async def test_only_sendpulses_own_hosts_have_a_rate_limit_by_default(make, spacing):
    """Ten a second on SendPulse's hosts, none elsewhere, and always what the caller says."""
    transport, began = ScriptedTransport(TAKEN), now()

    async with make(transport=transport) as sender:
        for _ in range(4):
            await sender.send_event(EVENT)

    assert [time - began for time in transport.times] == pytest.approx([spacing * n for n in range(4)], abs=1e-6)


# Open and closed


@pytest.mark.parametrize("make", [raw, authorized])
async def test_a_transport_that_was_given_stays_open(make):
    """Who brings a transport closes it."""
    transport = ScriptedTransport(TAKEN)

    async with make(transport) as sender:
        await sender.send_event(EVENT)

    assert transport.closed == 0


@pytest.mark.parametrize("make", [raw, authorized])
async def test_a_transport_of_its_own_is_closed(make, monkeypatch):
    """A sender closes what it opened."""
    closed = []

    async def note(transport):
        closed.append(transport)

    monkeypatch.setattr(HttpxTransport, "aclose", note)

    sender = RawEventSender(URL) if make is raw else AuthorizedEventSender(KEY)
    await sender.aclose()

    assert len(closed) == 1


async def test_a_transport_is_used_though_it_is_empty():
    """A transport that counts as false, such as a recorder with a length, is the caller's transport all the same."""

    class Recorder(ScriptedTransport):
        def __len__(self):
            return len(self.requests)

    transport = Recorder(TAKEN)

    async with RawEventSender(f"{LOCAL}/x", transport=transport, retry=RetryPolicy(max_attempts=1)) as sender:
        await sender.send_event(EVENT)

    assert len(transport) == 1


@pytest.mark.parametrize("make", [raw, authorized])
async def test_a_closed_sender_sends_nothing(make):
    """After `aclose`, twice is no error, an event is surely not sent, and says why."""
    transport = ScriptedTransport(TAKEN)
    sender = make(transport)
    await sender.aclose()
    await sender.aclose()

    with pytest.raises(NotSentError, match="closed") as caught:
        await sender.send_event(EVENT)

    assert (caught.value.attempts, transport.requests) == (0, [])


@pytest.mark.parametrize("make", [raw, authorized])
@pytest.mark.parametrize("is_used", [True, False])
async def test_a_sender_left_open_warns(make, is_used):
    """A sender that sent and was never closed warns when it goes, without its secret; one that did nothing is quiet."""
    sender = make()
    if is_used:
        await sender.send_event(EVENT)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del sender
        gc.collect()

    shown = [str(warning.message) for warning in caught if warning.category is ResourceWarning]
    assert len(shown) == is_used
    assert all("unclosed" in text and SECRET not in text for text in shown)


async def test_events_in_flight_when_a_sender_closes_are_finished():
    """Closing does not take an event's answer away."""
    sender = raw(ScriptedTransport(Step(TAKEN, seconds=5)))

    async def close():
        await anyio.sleep(1)
        await sender.aclose()

    receipt, _ = await at_once(lambda: sender.send_event(EVENT), close)

    assert receipt.confirmed


def test_one_sender_serves_several_event_loops():
    """A sender made at module scope works in one loop after the other, asyncio's and trio's, with one token."""
    account = Account()
    sender = AuthorizedEventSender(CREDENTIALS, base_url=LOCAL, event_name="order", transport=account)

    async def main():
        with anyio.fail_after(5):
            return (await sender.send_event(EVENT)).status_code

    async def last():
        async with sender:
            return await main()

    codes = [
        anyio.run(call, backend=name, backend_options=options)
        for call, (name, options) in [
            (main, backend("asyncio")),
            (main, backend("asyncio")),
            (main, backend("trio")),
            (last, backend("asyncio")),
        ]
    ]

    assert codes == [200] * 4
    assert account.token_requests == 1


@pytest.mark.parametrize("make", [raw, authorized])
def test_a_repr_shows_the_host_alone(make):
    """A raw URL is a secret, and so is a key."""
    shown = repr(make())

    assert shown in {
        "RawEventSender(https://events.sendpulse.com/***)",
        "AuthorizedEventSender(https://api.sendpulse.com/***)",
    }
    assert isinstance(make(), EventSender)
