"""The how-to on proxies and TLS: its examples run through a real proxy, to a server of a private authority."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
import trustme
from canaries import assert_silent, texts_of_error

from sendpulse_async import (
    ConfigurationError,
    HttpxTransport,
    NotSentError,
    RawEventSender,
    UnknownDeliveryError,
    send_many,
)
from sendpulse_async.sandbox import Fault, Sandbox
from sendpulse_async.transports.direct import DirectTransport

from .company import PASSWORD, USER, Front, Proxy
from .running import run_example

pytestmark = pytest.mark.asyncio

EVENTS, API = "events.sendpulse.com", "api.sendpulse.com"
EVENT = {"email": "ana@example.com"}


@pytest.fixture(scope="module")
def company():
    """The company's own authority."""
    return trustme.CA()


@pytest.fixture
def ca_file(company, tmp_path):
    company.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


@pytest.fixture
def certificate_file(company, tmp_path):
    company.issue_cert("shop@company").private_key_and_cert_chain_pem.write_to_path(tmp_path / "shop.pem")
    return str(tmp_path / "shop.pem")


@pytest.fixture
def sandbox():
    with Sandbox(allowed_hosts=[EVENTS, API]) as running:
        yield running


@pytest.fixture
def event_url(sandbox):
    """The event's URL as SendPulse shows it."""
    return f"https://{EVENTS}{urlsplit(sandbox.event_url).path}"


def server_side(company, *, wants_certificate=False):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    company.issue_cert(EVENTS, API, "localhost").configure_cert(context)
    if wants_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        company.configure_trust(context)
    return context


@pytest_asyncio.fixture
async def front(sandbox, company):
    async with Front(sandbox, server_side(company)) as front:
        yield front


@pytest_asyncio.fixture
async def proxy(front):
    async with Proxy(front.port) as proxy:
        yield proxy


@pytest_asyncio.fixture
async def guarded_proxy(front):
    """One that asks for a password."""
    async with Proxy(front.port, PASSWORD) as proxy:
        yield proxy


def trusting(ca_file):
    return ssl.create_default_context(cafile=ca_file)


def client_through(proxy, tls, *, auth=None):
    place = httpx.Proxy(f"http://127.0.0.1:{proxy.port}", auth=auth)
    return httpx.AsyncClient(proxy=place, verify=tls, trust_env=False)


async def run(example, **variables):
    return await asyncio.to_thread(run_example, example, Path.cwd(), **variables)


async def test_the_environments_proxy_carries_the_event(proxy, sandbox, event_url, ca_file):
    """`httpx.AsyncClient()` takes HTTPS_PROXY and SSL_CERT_FILE; the event goes that way, and once."""
    ended = await run(
        "proxy.py",
        SENDPULSE_EVENT_URL=event_url,
        HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}",
        SSL_CERT_FILE=ca_file,
    )

    assert (ended.returncode, ended.said) == (0, "")
    assert proxy.asked == [f"CONNECT {EVENTS}:443 HTTP/1.1"]
    assert [entry.payload for entry in sandbox.events] == [EVENT]


async def test_without_a_client_of_ones_own_the_environment_says_nothing(proxy, sandbox):
    """The default transport goes straight to where the event belongs, whatever proxy another program was given."""
    place = f"http://127.0.0.1:{proxy.port}"
    ended = await run("raw.py", SENDPULSE_EVENT_URL=sandbox.event_url, HTTP_PROXY=place, ALL_PROXY=place)

    assert (ended.returncode, proxy.asked, len(sandbox.events)) == (0, [], 1)


async def test_a_proxy_with_a_password_and_a_private_authority_carry_token_and_event(guarded_proxy, sandbox, ca_file):
    """Both go through the proxy, over one connection."""
    ended = await run(
        "proxy_private_ca.py",
        SENDPULSE_CLIENT_ID=sandbox.client_id,
        SENDPULSE_CLIENT_SECRET=sandbox.client_secret,
        PROXY_URL=f"http://127.0.0.1:{guarded_proxy.port}",
        PROXY_PASSWORD=PASSWORD,
        COMPANY_CA=ca_file,
    )

    assert (ended.returncode, ended.said) == (0, "")
    assert guarded_proxy.asked == [f"CONNECT {API}:443 HTTP/1.1"]
    assert (sandbox.token_requests, len(sandbox.events)) == (1, 1)


async def test_a_gateway_that_asks_for_a_certificate_gets_it(sandbox, company, ca_file, certificate_file):
    """The default transport takes an `ssl_context`, and `allowed_hosts` names the gateway."""
    async with Front(sandbox, server_side(company, wants_certificate=True)) as gateway:
        ended = await run(
            "client_certificate.py",
            SENDPULSE_EVENT_URL=f"https://localhost:{gateway.port}{urlsplit(sandbox.event_url).path}",
            COMPANY_CA=ca_file,
            CLIENT_CERTIFICATE=certificate_file,
            EVENT_GATEWAY="localhost",
        )

    assert (ended.returncode, ended.said) == (0, "")
    assert len(sandbox.events) == 1


async def test_a_list_goes_through_the_proxy_and_each_event_once(guarded_proxy, sandbox, event_url, ca_file):
    """A bulk run over an injected client: fifty events, at most twenty connections."""
    people = [{"email": f"customer{number}@example.com"} for number in range(50)]
    async with (
        client_through(guarded_proxy, trusting(ca_file), auth=(USER, PASSWORD)) as client,
        RawEventSender(event_url, transport=HttpxTransport(client), rate_limit=None) as sender,
    ):
        report = await send_many(sender, people)

    report.raise_for_failures()
    assert sorted(entry.email for entry in sandbox.events) == sorted(person["email"] for person in people)
    assert 1 <= len(guarded_proxy.asked) <= 20


async def test_what_the_proxy_may_have_passed_on_is_not_sent_again(guarded_proxy, sandbox, event_url, ca_file):
    """A connection that breaks after the event was taken: UNKNOWN, and one event."""
    sandbox.add_fault(Fault(drop="close", times=None))
    async with (
        client_through(guarded_proxy, trusting(ca_file), auth=(USER, PASSWORD)) as client,
        RawEventSender(event_url, transport=HttpxTransport(client)) as sender,
    ):
        with pytest.raises(UnknownDeliveryError) as raised:
            await sender.send_event(EVENT)

    assert (len(sandbox.events), len(guarded_proxy.asked), raised.value.attempts) == (1, 1, 1)
    assert_silent(*texts_of_error(raised.value))


@pytest.mark.parametrize("way", ["proxy", "httpx", "direct"])
async def test_an_unknown_authority_ends_not_sent_and_says_so(way, guarded_proxy, front, sandbox, event_url):
    """One attempt, no event, and an error that names the certificate; no secret in it, nor in any log."""
    stranger = ssl.create_default_context()
    url, allowed = event_url, frozenset()
    if way == "proxy":
        client = client_through(guarded_proxy, stranger, auth=(USER, PASSWORD))
        transport = HttpxTransport(client)
    else:
        kind = HttpxTransport if way == "httpx" else DirectTransport
        client = transport = kind(ssl_context=stranger)
        url, allowed = f"https://localhost:{front.port}{urlsplit(event_url).path}", {"localhost"}

    async with client, RawEventSender(url, transport=transport, allowed_hosts=allowed) as sender:
        with pytest.raises(NotSentError, match="the server's certificate is not valid: unable to get local") as raised:
            await sender.send_event(EVENT)

    assert raised.value.attempts == 1
    assert sandbox.events == ()
    assert_silent(*texts_of_error(raised.value))


async def test_another_hosts_certificate_ends_not_sent_and_says_so(proxy, sandbox, ca_file):
    """Signed by whom one trusts, but for somebody else."""
    async with (
        client_through(proxy, trusting(ca_file)) as client,
        RawEventSender(
            "https://gateway.company/e", transport=HttpxTransport(client), allowed_hosts={"gateway.company"}
        ) as sender,
    ):
        with pytest.raises(NotSentError, match="certificate is not valid: Hostname mismatch, ") as raised:
            await sender.send_event(EVENT)

    assert (proxy.asked, raised.value.attempts) == (["CONNECT gateway.company:443 HTTP/1.1"], 1)
    assert sandbox.events == ()


async def test_a_proxy_that_refuses_ends_not_sent_and_says_what_it_answered(guarded_proxy, sandbox, event_url, ca_file):
    """A wrong password: no event left, so it may be sent again; the text tells of the 407, not of the password."""
    async with (
        client_through(guarded_proxy, trusting(ca_file), auth=(USER, f"{PASSWORD}-wrong")) as client,
        RawEventSender(event_url, transport=HttpxTransport(client)) as sender,
    ):
        with pytest.raises(NotSentError, match=r"no connection: the proxy answered 407$") as raised:
            await sender.send_event(EVENT)

    assert sandbox.events == ()
    assert_silent(*texts_of_error(raised.value))


async def test_a_proxy_that_is_away_ends_not_sent(guarded_proxy, sandbox, event_url, ca_file):
    """Nobody listens there: the event is safe to send again."""
    await guarded_proxy.__aexit__()
    async with (
        client_through(guarded_proxy, trusting(ca_file), auth=(USER, PASSWORD)) as client,
        RawEventSender(event_url, transport=HttpxTransport(client)) as sender,
    ):
        with pytest.raises(NotSentError, match="ConnectionRefusedError") as raised:
            await sender.send_event(EVENT)

    assert raised.value.attempts == 4
    assert_silent(*texts_of_error(raised.value))


async def test_without_its_certificate_nobody_passes_the_gateway(sandbox, company, ca_file):
    """TLS 1.3 tells of a missing certificate only after the handshake: it is never ACCEPTED, and nothing arrives."""
    async with (
        Front(sandbox, server_side(company, wants_certificate=True)) as gateway,
        HttpxTransport(ssl_context=trusting(ca_file)) as transport,
        RawEventSender(
            f"https://localhost:{gateway.port}/events", transport=transport, allowed_hosts={"localhost"}
        ) as sender,
    ):
        with pytest.raises((NotSentError, UnknownDeliveryError)):
            await sender.send_event(EVENT)

    assert sandbox.events == ()


async def test_direct_transport_refuses_a_proxy_and_names_the_other_one():
    """Its error says what to use instead."""
    with pytest.raises(ConfigurationError, match=r"^proxy: .*HttpxTransport"):
        DirectTransport(proxy="http://proxy.company:3128")


async def test_a_transport_that_has_a_client_takes_no_context():
    """TLS is the client's own; the error says where to give it."""
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(ConfigurationError, match=r"^ssl_context: give it to the client"):
            HttpxTransport(client, ssl_context=ssl.create_default_context())
