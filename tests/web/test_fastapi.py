"""What `SendPulse` opens for an application, who finds it, what stands in its place, and what is told without it."""

import asyncio
from contextlib import asynccontextmanager
from typing import Annotated

import anyio.to_thread
import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, WebSocket
from fastapi.testclient import TestClient
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from sendpulse_async import AuthorizedEventSender, ConfigurationError, JournalError, Outbox, RawEventSender
from sendpulse_async.integrations.fastapi import OutboxDep, SenderDep, SendPulse, get_outbox, get_sender
from sendpulse_async.testing import Recorder

from .stage import Opened

EVENT = {"email": "someone@example.com"}


def shop(lifespan, **options):
    app = FastAPI(lifespan=lifespan, **options)

    @app.post("/send")
    async def send(sender: SenderDep) -> str:
        await sender.send_event(EVENT)
        return "sent"

    @app.post("/put")
    async def put(outbox: OutboxDep) -> int:
        return await outbox.put(EVENT)

    return app


def test_it_is_open_while_the_application_is(opened):
    """The sender is opened before the first request, is one for all of them, and is closed with the application."""
    with TestClient(shop(SendPulse(opened.connect))) as client:
        assert len(opened.recorders) == 1
        for _ in range(2):
            assert client.post("/send").json() == "sent"
        assert not opened.closed

    (recorder,) = opened.recorders
    recorder.assert_sent(times=2)
    assert opened.closed == [recorder]


def test_each_start_opens_anew(opened):
    """An application that starts again, or twice at the same time, has a sender of its own each time."""
    app = shop(SendPulse(opened.connect))
    with TestClient(app) as one, TestClient(app) as other:
        one.post("/send")
        other.post("/send")
        one.post("/send")
    with TestClient(app) as again:
        again.post("/send")

    assert [len(recorder.events) for recorder in opened.recorders] == [2, 1, 1]
    assert opened.closed == [opened.recorders[1], opened.recorders[0], opened.recorders[2]]


def test_an_outbox_stands_over_its_sender(opened, tmp_path):
    """The outbox is opened after the sender, delivers through it, and is drained before that is closed."""
    with TestClient(shop(SendPulse(opened.connect, outbox=tmp_path / "outbox"))) as client:
        assert [client.post("/put").json() for _ in range(3)] == [1, 2, 3]

    (recorder,) = opened.recorders
    recorder.assert_sent(times=3)


@pytest.mark.parametrize("make", [Outbox.in_memory, lambda sender: Outbox.in_memory(sender, max_pending=5)])
def test_an_outbox_of_ones_own_is_made_of_the_sender(opened, make):
    """`outbox=` may be a function; an application has both, the sender and the outbox."""
    with TestClient(shop(SendPulse(opened.connect, outbox=make))) as client:
        client.post("/put")
        client.post("/send")

    opened.recorders[0].assert_sent(times=2)


def test_it_fits_into_a_lifespan_of_ones_own(opened):
    """In a lifespan it is a block, whose state is yielded among what else there is."""
    sendpulse = SendPulse(opened.connect)

    @asynccontextmanager
    async def lifespan(app):
        async with sendpulse(app) as state:
            await state["sendpulse"].sender.send_event(EVENT)
            yield {**state, "mine": 5}

    with TestClient(shop(lifespan)) as client:
        client.post("/send")

    opened.recorders[0].assert_sent(times=2)


def test_a_lifespan_that_forgets_the_state_does_no_harm(opened):
    """A lifespan that yields nothing still has the sender in `app.state`, until it ends."""

    @asynccontextmanager
    async def lifespan(app):
        async with SendPulse(opened.connect)(app):
            yield

    app = shop(lifespan)
    with TestClient(app) as client:
        client.post("/send")
        assert app.state.sendpulse.sender is opened.recorders[0]

    assert not hasattr(app.state, "sendpulse")


def test_a_router_may_bring_it(opened):
    """A router's lifespan is one of the application's."""
    router = APIRouter(lifespan=SendPulse(opened.connect))
    app = shop(None)
    app.include_router(router)

    with TestClient(app) as client:
        client.post("/send")

    opened.recorders[0].assert_sent(times=1)


def test_a_mounted_application_finds_that_of_the_one_above(opened):
    """Below a mount the dependencies are those of the application that the server runs."""
    app = FastAPI(lifespan=SendPulse(opened.connect))
    app.mount("/below", shop(None))

    with TestClient(app) as client:
        assert client.post("/below/send").json() == "sent"

    opened.recorders[0].assert_sent(times=1)


def test_a_websocket_has_it_too(opened):
    """The dependencies serve WebSocket endpoints."""
    app = shop(SendPulse(opened.connect))

    @app.websocket("/events")
    async def events(websocket: WebSocket, sender: SenderDep):
        await websocket.accept()
        while await websocket.receive_text() != "end":
            await sender.send_event(EVENT)
        await websocket.close()

    with TestClient(app) as client, client.websocket_connect("/events") as socket:
        for text in ("one", "two", "end"):
            socket.send_text(text)

    opened.recorders[0].assert_sent(times=2)


def test_a_background_task_has_it_still(opened):
    """What runs after the answer runs before the sender is closed."""
    app = shop(SendPulse(opened.connect))

    @app.post("/later")
    async def later(sender: SenderDep, tasks: BackgroundTasks):
        async def send():
            await asyncio.sleep(0.05)
            await sender.send_event(EVENT)

        tasks.add_task(send)

    with TestClient(app) as client:
        client.post("/later")

    opened.recorders[0].assert_sent(times=1)


def test_starlettes_own_application_has_it(opened):
    """Without FastAPI's injection the same function finds the sender."""

    async def send(request):
        await (await get_sender(request)).send_event(EVENT)
        return PlainTextResponse("sent")

    app = Starlette(routes=[Route("/send", send, methods=["POST"])], lifespan=SendPulse(opened.connect))
    with TestClient(app) as client:
        client.post("/send")

    opened.recorders[0].assert_sent(times=1)


def test_it_is_no_part_of_the_api(opened):
    """What a handler is given appears nowhere in the application's schema."""
    schema = shop(SendPulse(opened.connect)).openapi()

    assert [set(schema["paths"][path]["post"]) & {"parameters", "requestBody"} for path in ("/send", "/put")] == [
        set()
    ] * 2


# Several


def test_a_name_keeps_two_apart():
    """Each of two is found by its own dependency, and each dependency is overridden alone."""
    one, other, third = Opened(), Opened(), Recorder(is_raw=True)
    plain, letters = SendPulse(one.connect), SendPulse(other.connect, name="letters", outbox=Outbox.in_memory)

    @asynccontextmanager
    async def lifespan(app):
        async with plain(app) as state, letters(app) as more:
            yield {**state, **more}

    app = shop(lifespan)

    @app.post("/letter")
    async def letter(outbox: Annotated[Outbox, Depends(letters.get_outbox)]):
        await outbox.put(EVENT)

    @app.post("/note")
    async def note(sender: Annotated[Recorder, Depends(letters.get_sender)]):
        await sender.send_event(EVENT)

    with TestClient(app) as client:
        for path in ("/send", "/letter", "/letter", "/note"):
            client.post(path)
    app.dependency_overrides[letters.get_sender] = lambda: third
    with TestClient(app) as client:
        client.post("/send")
        client.post("/note")

    assert [len(recorder.events) for recorder in one.recorders] == [1, 1]
    assert len(other.recorders[0].events) == 3
    assert len(third.events) == 1


def test_two_of_one_name_are_refused(opened):
    """Two that would be mistaken for each other end the start, and what was open is closed."""
    first, second = SendPulse(opened.connect), SendPulse(opened.connect)

    @asynccontextmanager
    async def lifespan(app):
        async with first(app) as state, second(app) as more:
            yield {**state, **more}

    with pytest.raises(ConfigurationError, match=r"has a 'sendpulse' already: .* another name, by name="):
        TestClient(shop(lifespan)).__enter__()

    assert opened.closed == opened.recorders


def test_what_is_in_the_state_already_is_left_alone(opened):
    """A name that the application's own state has is refused, not overwritten."""
    app = shop(SendPulse(opened.connect, name="mine"))
    app.state.mine = 5

    with pytest.raises(ConfigurationError, match="has a 'mine' already"):
        TestClient(app).__enter__()

    assert app.state.mine == 5
    assert not opened.recorders


# In tests


def test_what_is_overridden_is_not_opened(no_settings):
    """With another sender in its place the application starts without credentials, and sends through that one."""
    recorder = Recorder(is_raw=True)
    app = shop(SendPulse(RawEventSender.from_env))
    app.dependency_overrides[get_sender] = lambda: recorder

    with TestClient(app) as client:
        client.post("/send")

    recorder.assert_sent(times=1)


def test_an_outbox_that_is_overridden_is_not_opened(opened, tmp_path):
    """The file of an outbox is not made where another one stands in its place; the sender is its own affair."""
    app = shop(SendPulse(opened.connect, outbox=tmp_path / "outbox"))
    outbox = Outbox.in_memory(recorder := Recorder(is_raw=True))

    async def stand_in():
        async with outbox:
            yield outbox

    app.dependency_overrides[get_outbox] = stand_in
    with TestClient(app) as client:
        client.post("/put")
        client.post("/send")

    recorder.assert_sent(times=1)
    opened.recorders[0].assert_sent(times=1)
    assert not (tmp_path / "outbox").exists()


@pytest.mark.asyncio
async def test_a_lifespan_that_is_entered_by_hand_serves_a_transport_without_one(opened):
    """httpx's transport knows no lifespan's state; around it the application's own lifespan is enough."""
    app = shop(SendPulse(opened.connect))
    shopping = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")

    async with app.router.lifespan_context(app), shopping:
        answer = await shopping.post("/send")

    assert answer.json() == "sent"
    opened.recorders[0].assert_sent(times=1)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_sender_lives_on_trio_too(opened, anyio_backend):
    """A server on trio opens a sender as any other does; an outbox says that it is for asyncio."""
    app = FastAPI()
    async with SendPulse(opened.connect)(app) as state:
        await state["sendpulse"].sender.send_event(EVENT)
    opened.recorders[0].assert_sent(times=1)

    if anyio_backend == "trio":
        with pytest.raises(ConfigurationError, match="asyncio"):
            await SendPulse(opened.connect, outbox=Outbox.in_memory)(app).__aenter__()


@pytest.mark.asyncio
async def test_it_takes_no_thread(opened):
    """Where all of FastAPI's threads are busy, a handler still gets its sender at once."""
    app = shop(SendPulse(opened.connect))
    shopping = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")
    threads = anyio.to_thread.current_default_thread_limiter()
    threads.total_tokens = 1

    async with app.router.lifespan_context(app), shopping, threads:
        answer = await asyncio.wait_for(shopping.post("/send"), 30)

    assert answer.json() == "sent"


# What is told


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/send", ["no sender", "FastAPI(lifespan=SendPulse(…))", "yield", "`with`", "override get_sender"]),
        ("/put", ["no outbox", "outbox='events.db'", "override get_outbox"]),
    ],
)
def test_without_the_lifespan_it_says_what_to_add(path, words, opened):
    """A client that runs no lifespan, or an application that has none, meets an error that helps."""
    for app in (shop(None), shop(SendPulse(opened.connect, outbox=Outbox.in_memory))):
        with pytest.raises(ConfigurationError) as told:
            TestClient(app).post(path)

        assert not [word for word in words if word not in str(told.value)]


def test_an_outbox_that_was_not_asked_for_is_none(opened):
    """An application that opened a sender alone says what an outbox needs."""
    with TestClient(shop(SendPulse(opened.connect))) as client, pytest.raises(ConfigurationError, match="outbox="):
        client.post("/put")


def test_one_with_a_name_says_its_name(opened):
    """The text of one that has a name shows how it is opened."""
    letters = SendPulse(opened.connect, name="letters")
    app = shop(None)

    @app.post("/letter")
    async def letter(sender: Annotated[Recorder, Depends(letters.get_sender)]): ...

    with pytest.raises(ConfigurationError, match=r"SendPulse\(…, name='letters'\)"):
        TestClient(app).post("/letter")


@pytest.mark.parametrize(
    ("connect", "variable"),
    [(RawEventSender.from_env, "SENDPULSE_EVENT_URL"), (AuthorizedEventSender.from_env, "SENDPULSE_CLIENT_ID")],
)
def test_a_sender_that_cannot_be_made_ends_the_start(connect, variable, no_settings):
    """A variable that is not set is named before the first request."""
    with pytest.raises(ConfigurationError, match=variable):
        TestClient(shop(SendPulse(connect))).__enter__()


def test_an_outbox_in_use_ends_the_start(opened, tmp_path):
    """The second process, or application, that wants the file is told so, and its sender is closed."""
    app = shop(SendPulse(opened.connect, outbox=tmp_path / "outbox"))
    other = shop(SendPulse(opened.connect, outbox=tmp_path / "outbox"))

    with TestClient(app), pytest.raises(JournalError, match="in use"):
        TestClient(other).__enter__()

    assert len(opened.closed) == len(opened.recorders) == 2


async def coroutine():
    return Recorder()


@asynccontextmanager
async def pair():
    yield Recorder(), None


@pytest.mark.parametrize(
    ("connect", "words"),
    [(coroutine, "asynccontextmanager"), (pair, "connect must give a sender, not tuple"), (lambda: None, "connect")],
)
def test_a_connect_that_opens_no_sender_is_refused(connect, words):
    """What `connect` must be is said at the start."""
    with pytest.raises(ConfigurationError, match=words):
        TestClient(shop(SendPulse(connect))).__enter__()


def test_a_function_that_makes_no_outbox_is_refused(opened):
    """What `outbox` must make is said at the start."""
    with pytest.raises(ConfigurationError, match="outbox must make an Outbox, not Recorder"):
        TestClient(shop(SendPulse(opened.connect, outbox=lambda sender: sender))).__enter__()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"connect": Recorder()}, "connect must be a function"),
        ({"outbox": 5}, "outbox must be"),
        ({"drain": -1}, "drain must be"),
        ({"drain": float("inf")}, "drain must be"),
        ({"drain": float("nan")}, "drain must be"),
        ({"drain": True}, "drain must be"),
        ({"name": "two words"}, "name must be"),
        ({"name": None}, "name must be"),
    ],
)
def test_wrong_arguments_are_named(arguments, words):
    """A wrong argument is refused where it is given."""
    with pytest.raises(ConfigurationError, match=words):
        SendPulse(**{"connect": Recorder, **arguments})
