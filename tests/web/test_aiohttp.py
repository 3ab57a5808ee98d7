"""What `SendPulse` opens for an application, who finds it, what stands in its place, and what is told without it."""

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sendpulse_async import AuthorizedEventSender, ConfigurationError, JournalError, Outbox, RawEventSender
from sendpulse_async.integrations.aiohttp import OUTBOX, SENDER, SendPulse, get_outbox, get_sender
from sendpulse_async.testing import Recorder

from .stage import Opened

EVENT = {"email": "someone@example.com"}

pytestmark = pytest.mark.asyncio


def shop(*contexts):
    async def send(request):
        await get_sender(request).send_event(EVENT)
        return web.json_response("sent")

    async def put(request):
        return web.json_response(await get_outbox(request).put(EVENT))

    app = web.Application()
    app.router.add_post("/send", send)
    app.router.add_post("/put", put)
    app.cleanup_ctx.extend(contexts)
    return app


def client(app):
    return TestClient(TestServer(app))


async def post(shopping, path):
    answer = await shopping.post(path)
    return await answer.json()


async def start(app):
    """Start an application as a server does, where that fails, and end it."""
    runner = web.AppRunner(app)
    try:
        await runner.setup()
    finally:
        await runner.cleanup()


async def test_it_is_open_while_the_application_is(opened):
    """The sender is opened before the first request, is one for all of them, and is closed with the application."""
    async with client(shop(SendPulse(opened.connect))) as shopping:
        assert len(opened.recorders) == 1
        assert [await post(shopping, "/send") for _ in range(2)] == ["sent", "sent"]
        assert not opened.closed

    (recorder,) = opened.recorders
    recorder.assert_sent(times=2)
    assert opened.closed == [recorder]


async def test_an_outbox_stands_over_its_sender(opened, tmp_path):
    """The outbox is opened after the sender, delivers through it, and is drained before that is closed."""
    async with client(shop(SendPulse(opened.connect, outbox=tmp_path / "outbox"))) as shopping:
        assert [await post(shopping, "/put") for _ in range(3)] == [1, 2, 3]
        assert await post(shopping, "/send") == "sent"

    opened.recorders[0].assert_sent(times=4)


async def test_one_serves_several_applications(opened):
    """What is appended to two applications opens a sender for each of them."""
    sendpulse = SendPulse(opened.connect)
    async with client(shop(sendpulse)) as one, client(shop(sendpulse)) as other:
        await post(one, "/send")
        await post(other, "/send")

    assert [len(recorder.events) for recorder in opened.recorders] == [1, 1]


async def test_the_keys_tell_what_comes_later(opened):
    """A context that is appended later, and a signal, find the sender and the outbox under their keys."""

    async def later(app):
        await app[SENDER].send_event(EVENT)
        yield
        await app[OUTBOX].put(EVENT)

    async with client(shop(SendPulse(opened.connect, outbox=Outbox.in_memory), later)):
        pass

    opened.recorders[0].assert_sent(times=2)


async def test_an_application_below_finds_that_of_the_one_above(opened):
    """A sub-application's handlers find what stands above it, and one that has its own finds that."""
    own = Opened()
    app = shop(SendPulse(opened.connect))
    app.add_subapp("/below/", shop())
    app.add_subapp("/own/", shop(SendPulse(own.connect)))

    async with client(app) as shopping:
        for path in ("/send", "/below/send", "/own/send"):
            assert await post(shopping, path) == "sent"

    opened.recorders[0].assert_sent(times=2)
    own.recorders[0].assert_sent(times=1)


async def test_a_websocket_has_it_too(opened):
    """The request of a WebSocket finds the sender as any other does."""
    app = shop(SendPulse(opened.connect))

    async def events(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            await get_sender(request).send_event(EVENT)
        return socket

    app.router.add_get("/events", events)
    async with client(app) as shopping, shopping.ws_connect("/events") as socket:
        await socket.send_str("one")
        await opened.recorders[0].wait_sent(times=1)


# Several


async def test_a_name_keeps_two_apart():
    """Each of two is found by its own verbs, and stands under its own keys."""
    one, other = Opened(), Opened()
    letters = SendPulse(other.connect, name="letters", outbox=Outbox.in_memory)
    app = shop(SendPulse(one.connect), letters)

    async def letter(request):
        await letters.get_outbox(request).put(EVENT)
        await letters.get_sender(request).send_event(EVENT)
        return web.json_response("sent")

    app.router.add_post("/letter", letter)
    async with client(app) as shopping:
        await post(shopping, "/send")
        await post(shopping, "/letter")
        assert app[SENDER] is one.recorders[0]
        assert app[letters.sender_key] is other.recorders[0]
        assert isinstance(app[letters.outbox_key], Outbox)
        assert OUTBOX not in app

    one.recorders[0].assert_sent(times=1)
    other.recorders[0].assert_sent(times=2)


async def test_two_of_one_name_are_refused(opened):
    """Two that would be mistaken for each other end the start, and what was open is closed."""
    with pytest.raises(ConfigurationError, match=r"two SendPulse .* 'sendpulse': give one another, by name="):
        await start(shop(SendPulse(opened.connect), SendPulse(opened.connect)))

    assert len(opened.recorders) == 1
    assert opened.closed == opened.recorders


async def test_one_is_appended_once(opened):
    """The same one twice is a slip, and is told."""
    sendpulse = SendPulse(opened.connect)

    with pytest.raises(ConfigurationError, match="once"):
        await start(shop(sendpulse, sendpulse))

    assert opened.closed == opened.recorders


# In tests


async def test_what_stands_under_the_key_is_used(no_settings):
    """With another sender under the key the application starts without credentials, and leaves that one open."""
    app = shop(SendPulse(RawEventSender.from_env))
    app[SENDER] = recorder = Recorder(is_raw=True)

    async with client(app) as shopping:
        await post(shopping, "/send")
    await recorder.send_event(EVENT)

    recorder.assert_sent(times=2)


async def test_an_outbox_is_opened_over_what_stands_under_the_key(no_settings, tmp_path):
    """A recorder under the key is what the application's own outbox delivers to."""
    app = shop(SendPulse(RawEventSender.from_env, outbox=tmp_path / "outbox"))
    app[SENDER] = recorder = Recorder(is_raw=True)

    async with client(app) as shopping:
        await post(shopping, "/put")

    recorder.assert_sent(times=1)


async def test_an_outbox_under_the_key_is_used(opened, tmp_path):
    """The file of an outbox is not made where another one stands under the key."""
    app = shop(SendPulse(opened.connect, outbox=tmp_path / "outbox"))
    async with Outbox.in_memory(recorder := Recorder(is_raw=True)) as outbox:
        app[OUTBOX] = outbox
        async with client(app) as shopping:
            await post(shopping, "/put")
            await post(shopping, "/send")
        await recorder.wait_sent(times=1)

    opened.recorders[0].assert_sent(times=1)
    assert not (tmp_path / "outbox").exists()


# What is told


@pytest.mark.parametrize(
    ("get", "words"), [(get_sender, r"append SendPulse.* set app.SENDER."), (get_outbox, r"outbox=.* set app.OUTBOX.")]
)
async def test_without_the_context_it_says_what_to_add(get, words):
    """A handler of an application that opens nothing meets an error that helps."""
    told = []

    async def handler(request):
        with pytest.raises(ConfigurationError, match=words) as caught:
            get(request)
        told.append(caught.value)
        return web.Response()

    app = web.Application()
    app.router.add_get("/", handler)
    async with client(app) as shopping:
        await shopping.get("/")

    assert len(told) == 1


@pytest.mark.parametrize(
    ("connect", "variable"),
    [(RawEventSender.from_env, "SENDPULSE_EVENT_URL"), (AuthorizedEventSender.from_env, "SENDPULSE_CLIENT_ID")],
)
async def test_a_sender_that_cannot_be_made_ends_the_start(connect, variable, no_settings):
    """A variable that is not set is named before the first request."""
    with pytest.raises(ConfigurationError, match=variable):
        await start(shop(SendPulse(connect)))


async def test_an_outbox_in_use_ends_the_start(opened, tmp_path):
    """The second process, or application, that wants the file is told so, and its sender is closed."""
    contexts = [SendPulse(opened.connect, outbox=tmp_path / "outbox") for _ in range(2)]

    async with client(shop(contexts[0])):
        with pytest.raises(JournalError, match="in use"):
            await start(shop(contexts[1]))

    assert len(opened.closed) == len(opened.recorders) == 2


async def test_a_connect_that_opens_no_sender_is_refused():
    """What `connect` must be is said at the start, or where it is given."""

    async def coroutine():
        return Recorder()

    with pytest.raises(ConfigurationError, match="asynccontextmanager"):
        await start(shop(SendPulse(coroutine)))
    with pytest.raises(ConfigurationError, match="connect must be a function"):
        SendPulse(Recorder())
