"""What a sender is told, by its caller or by the environment: read, checked, and named where it is wrong."""

from __future__ import annotations

import math

import httpx
import pytest
from fake_account import CREDENTIALS, Account
from fakes import TAKEN, ScriptedTransport, backend

from sendpulse_async import (
    ApiKey,
    AuthorizedEventSender,
    ConfigurationError,
    FileTokenStore,
    HttpxTransport,
    MemoryTokenStore,
    RateLimit,
    RawEventSender,
)

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

EVENT = {"email": "a@example.com"}
SECRET = "eb561baa181247d1cd378c4ead632877"
URL = f"https://events.sendpulse.com/events/id/{SECRET}/7043663"
KEY = ApiKey("canary-key")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return backend(request.param)


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """An environment that says nothing of SendPulse; `environment(NAME=value)` adds to it."""
    for name in ("EVENT_URL", "CLIENT_ID", "CLIENT_SECRET", "API_KEY", "BASE_URL", "EVENT_NAME"):
        monkeypatch.delenv(f"SENDPULSE_{name}", raising=False)

    def say(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(f"SENDPULSE_{name}", value)

    return say


# From the environment


async def test_a_raw_sender_from_the_environment(environment):
    """`SENDPULSE_EVENT_URL` is all that it needs; the keywords are the constructor's."""
    environment(EVENT_URL=f" {URL}\n")
    transport = ScriptedTransport(TAKEN)

    async with RawEventSender.from_env(transport=transport, deadline=5) as sender:
        await sender.send_event(EVENT)

    assert transport.requests[0].target.url == URL
    assert sender.deadline == 5


async def test_an_authorised_sender_from_the_environment(environment):
    """Id and secret, the event's name and the base are read."""
    environment(
        CLIENT_ID=" canary-id ", CLIENT_SECRET="canary-secret\n", EVENT_NAME="order", BASE_URL="http://127.0.0.1:9/sub/"
    )
    account = Account()

    async with AuthorizedEventSender.from_env(transport=account) as sender:
        await sender.send_event(EVENT)

    assert [request.target.url for request in account.requests] == [
        "http://127.0.0.1:9/sub/oauth/access_token",
        "http://127.0.0.1:9/sub/events/name/order",
    ]
    assert b"canary-id" in account.requests[0].body
    assert b"canary-secret" in account.requests[0].body


async def test_an_api_key_from_the_environment(environment):
    """A key alone authorises, on SendPulse's own host."""
    environment(API_KEY="sp_apikey_x", EVENT_NAME="order")
    transport = ScriptedTransport(TAKEN)

    async with AuthorizedEventSender.from_env(transport=transport) as sender:
        await sender.send_event(EVENT)

    (request,) = transport.requests
    assert request.target.url == "https://api.sendpulse.com/events/name/order"
    assert dict(request.headers)[b"Authorization"] == b"Bearer sp_apikey_x"


async def test_a_keyword_beats_the_environment(environment):
    """What the caller says is not asked of the environment."""
    environment(API_KEY="k", EVENT_NAME="theirs", BASE_URL="https://theirs.example")
    transport = ScriptedTransport(TAKEN)

    async with AuthorizedEventSender.from_env(
        transport=transport, event_name="mine", base_url="http://127.0.0.1:9"
    ) as sender:
        await sender.send_event(EVENT)

    assert transport.requests[0].target.url == "http://127.0.0.1:9/events/name/mine"


@pytest.mark.parametrize(
    ("kind", "variables", "missing"),
    [
        (RawEventSender, {}, "SENDPULSE_EVENT_URL"),
        (RawEventSender, {"EVENT_URL": " "}, "SENDPULSE_EVENT_URL"),
        (RawEventSender, {"API_KEY": "k"}, "SENDPULSE_EVENT_URL"),
        (AuthorizedEventSender, {}, "SENDPULSE_CLIENT_ID"),
        (AuthorizedEventSender, {"API_KEY": " "}, "SENDPULSE_CLIENT_ID"),
        (AuthorizedEventSender, {"CLIENT_SECRET": "s"}, "SENDPULSE_CLIENT_ID"),
        (AuthorizedEventSender, {"CLIENT_ID": "i"}, "SENDPULSE_CLIENT_SECRET"),
        (AuthorizedEventSender, {"CLIENT_ID": "i", "CLIENT_SECRET": ""}, "SENDPULSE_CLIENT_SECRET"),
    ],
)
def test_a_missing_variable_is_named(kind, variables, missing, environment):
    """What the environment does not say is a ConfigurationError that names the variable."""
    environment(**variables)

    with pytest.raises(ConfigurationError, match=missing):
        kind.from_env()


@pytest.mark.parametrize("more", [{}, {"CLIENT_SECRET": "canary-secret"}])
def test_an_api_key_beside_a_client_id_is_an_error(more, environment):
    """Two ways to authorise are one too many: both are named, neither is shown."""
    environment(API_KEY="canary-key", CLIENT_ID="canary-id", **more)

    with pytest.raises(ConfigurationError, match=r"SENDPULSE_API_KEY.*SENDPULSE_CLIENT_ID") as caught:
        AuthorizedEventSender.from_env()

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"BASE_URL": "http://elsewhere.example"}, "base_url"),
        ({"BASE_URL": "https://elsewhere.example"}, "base_url"),
        ({"EVENT_NAME": ".."}, "event_name"),
    ],
)
def test_a_wrong_value_in_the_environment_is_named(variables, name, environment):
    """A variable that is set and wrong is a ConfigurationError too."""
    environment(API_KEY="k", **variables)

    with pytest.raises(ConfigurationError, match=name):
        AuthorizedEventSender.from_env()


# From the caller

DEADLINES = [0, -1, math.nan, -math.inf, True, "5", [5]]
BOTH = [
    *[({"transport": value}, "transport") for value in (5, object(), "https://proxy.example")],
    *[({"retry": value}, "retry") for value in (None, 3, "always")],
    *[({"rate_limit": value}, "rate_limit") for value in (10, "10/s", 0)],
    *[({"deadline": value}, "deadline") for value in [*DEADLINES, None]],
    *[({"on_outcome": value}, "on_outcome") for value in (5, "print")],
    ({"allowed_hosts": "proxy.example"}, "allowed_hosts"),
]
RAW = [
    *[({"body_format": value}, "body_format") for value in (None, "RAW", 1)],
    *[({"url": url}, "event URL") for url in (None, 5, "", "x", "ftp://events.sendpulse.com/events/id/canary/1")],
    ({"url": "http://events.sendpulse.com/events/id/canary/1"}, "https"),
    ({"url": "https://elsewhere.example/events/id/canary/1"}, "allowed_hosts"),
    ({"url": "https://events.sendpulse.com/somewhere/canary"}, "event URL"),
    ({"url": "https://elsewhere.example/canary", "allowed_hosts": 5}, "allowed_hosts"),
    ({"url": "https://elsewhere.example/canary", "allowed_hosts": [None]}, "allowed_hosts"),
]
AUTHORIZED = [
    *[({"auth": auth}, "auth") for auth in (None, "canary", ("canary", "canary"), {"key": "canary"})],
    *[({"token_store": store}, "token_store") for store in (5, "tokens", object())],
    *[({"base_url": url}, "base_url") for url in (None, "", "http://api.sendpulse.com", "https://elsewhere.example")],
    ({"base_url": "https://api.sendpulse.com/?a=canary"}, "base_url"),
    *[({"event_name": name}, "event_name") for name in ("", ".", "..", "a\nb", "\ud800", 5)],
]


@pytest.mark.parametrize(("options", "name"), BOTH + RAW, ids=repr)
def test_a_wrong_setting_of_a_raw_sender_is_named(options, name):
    """A setting that cannot be is a ConfigurationError when the sender is made; its text quotes no URL."""
    with pytest.raises(ConfigurationError, match=name) as caught:
        RawEventSender(**{"url": URL, **options})

    assert "canary" not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(("options", "name"), BOTH + AUTHORIZED, ids=repr)
def test_a_wrong_setting_of_an_authorised_sender_is_named(options, name):
    """A setting that cannot be is a ConfigurationError when the sender is made; its text quotes no credential."""
    with pytest.raises(ConfigurationError, match=name) as caught:
        AuthorizedEventSender(**{"auth": KEY, **options})

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("deadline", DEADLINES, ids=repr)
async def test_a_wrong_deadline_of_a_call_is_named(deadline):
    """A call's deadline that is no positive number is an error before anything is sent."""
    transport = ScriptedTransport(TAKEN)

    async with RawEventSender(URL, transport=transport) as sender:
        with pytest.raises(ConfigurationError, match="deadline"):
            await sender.send_event(EVENT, deadline=deadline)

    assert transport.requests == []


@pytest.mark.parametrize("deadline", [0.001, 1, 30.5, math.inf, 10**9])
def test_a_deadline_may_be_any_positive_number(deadline):
    """Infinity is no deadline at all."""
    assert RawEventSender(URL, deadline=deadline).deadline == deadline


async def test_nothing_happens_before_the_first_event():
    """Making and closing a sender asks for no token and opens nothing."""
    account = Account()

    async with AuthorizedEventSender(CREDENTIALS, transport=account):
        pass

    assert account.requests == []


async def test_an_httpx_client_is_no_transport():
    """The likely mistake, a client in the place of a transport, is met when the sender is made, with the way out."""
    async with httpx.AsyncClient() as client:
        with pytest.raises(ConfigurationError, match=r"transport.*HttpxTransport\(client\)"):
            RawEventSender(URL, transport=client)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: FileTokenStore(""), "folder"),
        (lambda: FileTokenStore("a\0b"), "folder"),
        (lambda: HttpxTransport(ssl_context=True), "ssl_context"),
        (lambda: HttpxTransport(connect_timeout=10**400), "connect_timeout"),
        (lambda: HttpxTransport(httpx.AsyncClient), "client"),
        (lambda: RawEventSender("http://127.0.0.1/x", transport=HttpxTransport), "transport"),
        (lambda: RawEventSender("http://127.0.0.1/x", allowed_hosts=["https://x"]), "allowed_hosts"),
        (lambda: RawEventSender("https://events.sendpulse.com/events/id/"), "the event URL"),
        (lambda: RawEventSender("https://events.sendpulse.com/events/id/%2e%2e/1"), "the event URL"),
        (lambda: AuthorizedEventSender(ApiKey("k"), token_store=MemoryTokenStore), "token_store"),
        (lambda: RateLimit(per_second=1e-320), "per_second"),
    ],
)
def test_what_a_reviewer_tried_is_refused_by_its_name(make, name):
    """A class for an object, a URL for a host, a number beyond all numbers: each is named at once."""
    with pytest.raises(ConfigurationError, match=name):
        make()
