"""The raw URL, secrets, tokens, addresses and numbers are in no log, repr, traceback, pickle or list of arguments."""

from __future__ import annotations

import gc
import logging
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import anyio
import pytest
from canaries import LogWatch, assert_silent, found_in, texts_of_error
from carriers import DIRECT, OWN, OWN_ON_TRIO, carried_by, until
from fault_server import OK, answer, read_request, refuse, send, wait

from sendpulse_async import (
    ApiKey,
    AuthorizedEventSender,
    ClientCredentials,
    ConfigurationError,
    Event,
    FileTokenStore,
    InvalidEventError,
    MemoryTokenStore,
    RawEventSender,
    RejectedError,
    Token,
    send_many,
)
from sendpulse_async.cli import run
from sendpulse_async.sandbox import Fault, Sandbox

from .matrix import Bulk, Case
from .scenes import PATH, event

TESTS = Path(__file__).parents[1]
SECRET_EVENT = {"email": "canary@example.com", "phone": "+123456789", "canary_of_value": "canary"}


def test_the_watch_sees_what_it_is_to_see():
    """A secret in a message, in an argument, or in a traceback does not pass the watch of all tests."""
    watch, logger = LogWatch(), logging.getLogger("somebody")
    logger.addHandler(watch)
    logger.propagate = False

    logger.debug("to %s", {"email": "someone@example.com"})
    logger.debug("in words: canary")
    try:
        raise ValueError(PATH)
    except ValueError:
        logger.exception("failed")
    logger.debug("nothing of that kind")

    assert len({text.split("example")[0] for text in watch.take()}) >= 3
    assert watch.take() == []


# While events are under way


def reprs_of_all_that_lives():
    """What each living object of the library shows of itself."""
    texts = []
    for thing in gc.get_objects():
        module = str(type(thing).__module__)
        if module.startswith("sendpulse_async") and "sandbox" not in module:
            texts.append(repr(thing))
    return texts


@pytest.mark.anyio
@carried_by(OWN, OWN_ON_TRIO, DIRECT)
async def test_nothing_that_lives_shows_a_secret(carrier, serve, authority):
    """In the middle of exchanges, over TLS too, no object of the library has a repr with a secret in it."""
    go = threading.Event()
    server = serve([read_request, wait(go), send(OK)], tls=True)
    url = f"https://127.0.0.1:{server.port}{PATH}"
    auth, key = ClientCredentials("id", "canary-secret"), ApiKey("sp_apikey_canary")
    store = MemoryTokenStore()
    await store.save(auth.account, Token("canary-token"))
    options = {"allowed_hosts": {"127.0.0.1"}, "rate_limit": None}

    async with carrier.open(authority.trust) as transport, anyio.create_task_group() as group:
        named = {
            "base_url": f"https://127.0.0.1:{server.port}",
            "event_name": "order",
            "transport": transport,
            **options,
        }
        senders = [
            RawEventSender(url, transport=transport, **options),
            AuthorizedEventSender(auth, token_store=store, **named),
            AuthorizedEventSender(key, **named),
        ]
        for sender in senders:
            group.start_soon(sender.send_event, SECRET_EVENT)
            group.start_soon(send_many, sender, [Event.from_mapping(SECRET_EVENT)])
        await until(server, lambda server: len(server.ledger) == 6)
        texts = reprs_of_all_that_lives()
        go.set()
    for sender in senders:
        await sender.aclose()

    assert len(texts) > 50
    assert {"Request", "Target", "Event", "Token", "Progress"} <= {text.split("(")[0] for text in texts}
    assert_silent(*texts)


@pytest.mark.anyio
@carried_by(OWN)
async def test_what_sendpulse_echoes_is_data_not_text(carrier, stage, authority):
    """An answer that quotes the event is at hand in `message` and `body`, and in no text of the error."""
    quoting = answer(b'{"error_code":422,"message":"someone@example.com is no address"}', status=b"422 Status")
    case = Case(14, "echo", (), None, Bulk.GOES_ON, on_request=(refuse, send(quoting)))
    scene = stage(case)

    async with scene.sender(carrier, authority.trust) as sender:
        scene.fault.strike()
        with pytest.raises(RejectedError) as caught:
            await sender.send_event(event(0))

    *texts, _pickle = texts_of_error(caught.value)
    assert_silent(*texts)
    assert caught.value.message == "someone@example.com is no address"


WRONG = [
    lambda: RawEventSender(f"https://elsewhere.example{PATH}"),
    lambda: RawEventSender(f"http://events.sendpulse.com{PATH}"),
    lambda: RawEventSender(f"https://canary:canary@events.sendpulse.com{PATH}"),
    lambda: ClientCredentials("id", "canary secret"),
    lambda: ApiKey("sp_apikey_canary\n\x00"),
    lambda: Event(email="canary", phone="canary"),
    lambda: Event(phone=123456789),
    lambda: Event(email="someone@example.com", variables={"x": {1, "canary"}}),
    lambda: Event(email="someone@example.com", automation_id="canary"),
    lambda: Event.from_mapping(["canary"]),
    lambda: FileTokenStore("canary\x00"),
]


@pytest.mark.parametrize("make", WRONG)
def test_an_error_names_the_field_and_not_its_value(make):
    """Wrong settings and wrong events are described without being quoted."""
    with pytest.raises((ConfigurationError, InvalidEventError)) as caught:
        make()

    error = caught.value
    assert_silent(str(error), repr(error), "".join(map(str, error.args)))


# A whole program


PROGRAM = """
import asyncio, logging, os, sys, warnings

logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
from sendpulse_async import *

EVENT = {"email": "someone@example.com", "phone": "+123456789", "text": "canary"}


async def work():
    asyncio.get_running_loop().slow_callback_duration = 0  # in debug mode asyncio then describes each callback
    for make in (RawEventSender.from_env, AuthorizedEventSender.from_env):
        async with make(retry=RetryPolicy(base_delay=0.01), deadline=0.5) as sender:
            for _ in range(12):
                try:
                    print(await sender.send_event(EVENT))
                except SendPulseError as error:
                    logging.exception("it failed")
            print(sender, await send_many(sender, [EVENT] * 3))
            cancelled = asyncio.create_task(sender.send_event(EVENT))
            await asyncio.sleep(0)
            print(cancelled)
            cancelled.cancel()
            print(asyncio.all_tasks())
    left = RawEventSender.from_env()
    await left.send_event(EVENT)


asyncio.run(work())
"""

FAULTS = [
    {"status": 500},
    {"drop": "reset"},
    {"drop": "close"},
    {"drop": "cut"},
    {"status": 429, "retry_after": 0.01},
    {"status": 401},
    {"status": 400, "body": {"message": "someone@example.com +123456789 canary"}},
    {"status": 301, "headers": {"Location": f"https://events.sendpulse.com{PATH}"}},
    {"drop": "hang"},
]


def test_a_program_at_debug_shows_no_secret():
    """Every logger at DEBUG, asyncio's debug mode describing each callback, tracebacks and warnings."""
    with Sandbox() as sandbox:
        for door in ("raw", "name"):
            for fault in FAULTS:
                sandbox.add_fault(Fault(door=door, **fault))
        sandbox.add_fault(Fault(door="token", status=500))
        environment = os.environ | sandbox.environment() | {"SENDPULSE_EVENT_NAME": "order", "PYTHONASYNCIODEBUG": "1"}
        ended = subprocess.run(
            [sys.executable, "-X", "dev", "-c", PROGRAM],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=TESTS,
        )

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("Traceback") >= 10
    assert "Executing <" in ended.stdout
    assert "ResourceWarning: unclosed RawEventSender" in ended.stderr
    shown = [line for line in (ended.stdout + ended.stderr).splitlines() if found_in(line)]
    assert not [line for line in shown if "text" not in line], shown


@pytest.mark.parametrize("command", ["send", "send-many"])
def test_no_option_takes_a_secret(command, capsys):
    """What `ps` would show: secrets come from the environment, and the command line has no option for one."""
    run([command, "--help"])

    options = set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out))
    assert "--env-file" in options
    assert not [option for option in options if re.search("secret|token|url|key|password|client", option)]
