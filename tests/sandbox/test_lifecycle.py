"""Start and stop: from any loop, at once, and with nothing left behind."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import time

import httpx
import pytest

from sendpulse_async.sandbox import Fault, Sandbox
from sendpulse_async.sandbox._server import Server
from sendpulse_async.sandbox._service import Service

EMAIL = {"email": "a@b.c"}


def threads_of_sandboxes():
    return [thread for thread in threading.enumerate() if thread.name == "sendpulse-sandbox"]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_it_serves_clients_of_both_libraries(anyio_backend):
    """`async with` works on asyncio and on trio, and leaves no thread."""
    async with Sandbox() as sandbox, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(sandbox.event_url, json=EMAIL)

    assert answer.json() == {"result": True}
    assert len(sandbox.events) == 1
    assert threads_of_sandboxes() == []


@pytest.mark.asyncio
async def test_a_blocked_loop_does_not_block_it():
    """It serves a blocking client inside a coroutine, since it has a loop of its own."""
    async with Sandbox() as sandbox:
        assert httpx.post(sandbox.event_url, json=EMAIL, trust_env=False).status_code == 200


@pytest.mark.asyncio
async def test_a_thousand_events_over_fifty_connections_are_all_there():
    """None is lost, none is doubled, and each has its own place in the order of arrival."""
    async with Sandbox() as sandbox:

        async def post(worker):
            async with httpx.AsyncClient(verify=False, trust_env=False) as client:
                for number in range(20):
                    answer = await client.post(sandbox.event_url, json={**EMAIL, "id": f"{worker}-{number}"})
                    assert answer.status_code == 200

        await asyncio.gather(*(post(worker) for worker in range(50)))

    assert sandbox.accepted_count == 1000
    assert len({entry.payload["id"] for entry in sandbox.events}) == 1000
    assert [entry.sequence for entry in sandbox.events] == list(range(1, 1001))


@pytest.mark.asyncio
@pytest.mark.parametrize("fault", [Fault(drop="hang", times=None), Fault(delay=3600, times=None)])
async def test_it_stops_promptly_whatever_hangs(fault):
    """Leaving takes less than a second with requests held back, and their clients are let go."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        async with Sandbox() as sandbox:
            sandbox.add_fault(fault)
            held = [asyncio.create_task(client.post(sandbox.event_url, json=EMAIL)) for _ in range(10)]
            async with asyncio.timeout(10):
                while sandbox.accepted_count < 10:
                    await asyncio.sleep(0)
            begun = time.monotonic()

        assert time.monotonic() - begun < 1
        errors = await asyncio.gather(*held, return_exceptions=True)
        assert all(isinstance(error, httpx.TransportError) for error in errors)


@pytest.mark.asyncio
async def test_a_cancelled_start_leaves_no_server_behind(monkeypatch):
    """Whoever is cancelled while it starts gets the cancellation, and nothing serves on."""
    begun, released = threading.Event(), threading.Event()
    start = Service.start

    def start_and_linger(service):
        start(service)
        begun.set()
        released.wait(10)

    monkeypatch.setattr(Service, "start", start_and_linger)
    starting = asyncio.create_task(Sandbox().__aenter__())
    async with asyncio.timeout(10):
        while not begun.is_set():
            await asyncio.sleep(0)

    starting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await starting
    assert threads_of_sandboxes() == []
    released.set()


def test_a_taken_port_is_named():
    """A second sandbox on the same port says what is wrong, and the first serves on."""
    with Sandbox() as first:
        port = int(first.origin.rpartition(":")[2])

        with pytest.raises(OSError, match=f"127.0.0.1:{port}") as caught, Sandbox(port=port):
            pass

        assert caught.value.errno == errno.EADDRINUSE
        assert httpx.post(first.event_url, json=EMAIL, trust_env=False).status_code == 200


def test_it_can_be_entered_again_on_the_same_port():
    """A port is free as soon as it is left; what arrived is still there."""
    with Sandbox() as sandbox:
        httpx.post(sandbox.event_url, json=EMAIL, trust_env=False)
        port = int(sandbox.origin.rpartition(":")[2])
    again = Sandbox(port=port)

    for _ in range(2):
        with again:
            assert again.origin == f"http://127.0.0.1:{port}"
            httpx.post(again.event_url, json=EMAIL, trust_env=False)

    assert (len(sandbox.events), len(again.events)) == (1, 2)


def test_it_cannot_be_entered_twice_at_once():
    """A second start while it runs is an error that leaves the first one serving."""
    with Sandbox() as sandbox:
        with pytest.raises(RuntimeError, match="already"):
            sandbox.__enter__()

        with pytest.raises(RuntimeError, match="already"):
            sandbox.run()

        assert httpx.get(sandbox.origin, trust_env=False).status_code == 200


def test_a_server_that_does_not_start_is_an_error(monkeypatch):
    """Entering never waits for ever, and holds no port afterwards."""

    async def refuse(self, sockets=None):
        self.should_exit = True

    monkeypatch.setattr(Server, "startup", refuse)
    sandbox = Sandbox()

    with pytest.raises(RuntimeError, match="did not start"), sandbox:
        pass

    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", int(sandbox.origin.rpartition(":")[2])))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "::", "example.com", "", "localhost.example.com"])
def test_only_loopback_hosts_are_served(host):
    """It has no passwords, so it never listens to the network."""
    with pytest.raises(ValueError, match="loopback"):
        Sandbox(host=host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_every_loopback_host_is_served(host):
    """By name, by IPv4 and by IPv6."""
    try:
        with Sandbox(host=host) as sandbox:
            assert httpx.get(sandbox.origin, trust_env=False).status_code == 200
    except OSError as error:
        if host != "::1" or error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
            raise
        pytest.skip("this machine has no IPv6 loopback")


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_refused(port):
    """A wrong port names itself before anything is bound."""
    with pytest.raises(ValueError, match="port"):
        Sandbox(port=port)


def test_leaving_what_was_never_entered_is_fine():
    """A stop with nothing to stop does nothing."""
    Sandbox().__exit__()


def test_an_answer_does_not_wait_for_the_clients_acknowledgement(sandbox, client):
    """A hundred events in a row on one connection take no 40 ms each."""
    begun = time.monotonic()

    for _ in range(100):
        client.post(sandbox.event_url, json=EMAIL)

    assert time.monotonic() - begun < 3


def test_it_has_no_origin_before_it_is_entered():
    """The address is an error rather than a guess."""
    with pytest.raises(RuntimeError, match="entered"):
        _ = Sandbox().event_url


def test_the_environment_points_a_client_here(sandbox):
    """The variables are those that `from_env` reads."""
    assert sandbox.environment() == {
        "SENDPULSE_EVENT_URL": f"{sandbox.origin}/events/id/eb561baa181247d1cd378c4ead632877/7043663",
        "SENDPULSE_CLIENT_ID": sandbox.client_id,
        "SENDPULSE_CLIENT_SECRET": sandbox.client_secret,
        "SENDPULSE_BASE_URL": sandbox.origin,
    }
    assert len(sandbox.api_key) == len("sp_apikey_") + 64


def test_clear_forgets_what_arrived(sandbox, client):
    """Events, refused requests and counts start anew."""
    client.post(sandbox.event_url, json=EMAIL)
    client.post("/oauth/access_token", json={})
    client.post(sandbox.event_url, json={})

    sandbox.clear()

    assert sandbox.events == sandbox.refused == ()
    assert sandbox.accepted_count == sandbox.token_requests == 0


def test_a_request_that_breaks_off_leaves_no_trace(sandbox, client):
    """Half a body is no event: not in the ledger, not among the refused, and no noise."""
    host, _, port = sandbox.origin.removeprefix("http://").partition(":")
    path = sandbox.event_url.removeprefix(sandbox.origin)

    with socket.create_connection((host, int(port))) as plain:
        plain.sendall(f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100\r\n\r\n".encode() + b'{"email"')

    assert client.post(sandbox.event_url, json=EMAIL).status_code == 200
    assert len(sandbox.events) == 1
    assert sandbox.refused == ()


def test_nothing_that_arrives_is_logged(sandbox, client, caplog):
    """Neither payloads nor raw URLs nor a line for each request."""
    caplog.set_level("DEBUG", logger="uvicorn")

    client.post(sandbox.event_url, json=EMAIL)
    client.post("/oauth/access_token", json={"client_secret": "hidden"})

    assert [record for record in caplog.records if record.name.startswith(("uvicorn", "sendpulse"))] == []
