"""`queue status`, `dead-letters` and `replay`: a queue in RabbitMQ, seen and mended from a shell."""

from __future__ import annotations

import asyncio
import json

import attrs
import pytest
from canaries import assert_silent
from event_queue.stage import Stage, event

from sendpulse_async import Event, OutcomeStatus
from sendpulse_async._records import record_of
from sendpulse_async.integrations.taskiq._messages import Queued, key_of
from sendpulse_async.integrations.taskiq._verdicts import Dead

from .test_main import without

AT = 1_700_000_000.25
"""When each dead letter of a test died."""


@attrs.frozen
class Filled:
    """A queue with events in it.

    Attributes:
        name: The queue's.
        key: That of its REJECTED letter.
    """

    name: str
    key: str


@pytest.fixture
def stage(rabbitmq, redis_server, tmp_path, monkeypatch):
    monkeypatch.setenv("SENDPULSE_QUEUE_URL", rabbitmq.url)
    return Stage(rabbitmq, redis_server, tmp_path)


@pytest.fixture
def filled(stage):
    """Two events that wait, a rejected one and its copy, one that is unknown, one that nobody can read."""

    async def fill():
        rejected = Event(email="someone@example.com", event_id="canary", event_name="registered")
        unknown = Event(phone="+380501234567")
        letters = [
            (rejected, Dead(OutcomeStatus.REJECTED, "HTTP 400")),
            (rejected, Dead(OutcomeStatus.REJECTED, "HTTP 400")),
            (unknown, Dead(OutcomeStatus.UNKNOWN, "lost")),
        ]
        async with stage.queue() as queue:
            for number in range(2):
                await queue.put(event(number))
            for letter, dead in letters:
                queued = Queued(record_of(letter, None).encode(), key_of(letter))
                await queue.broker.line.bury(queued, dead, AT)
            await queue.broker.line.bury(Queued(b"canary", None), Dead(OutcomeStatus.REJECTED, "unreadable"), AT)
        return Filled(stage.name, key_of(rejected))

    return asyncio.run(fill())


def test_the_status_of_a_queue(cli, filled):
    """What waits and what is dead, for people and for programs; the code says whether somebody has to look."""
    ended = cli("queue", "status", "--name", filled.name)
    as_json = cli("queue", "status", "--name", filled.name, "--json")

    assert (ended.code, as_json.code) == (3, 3)
    assert [line.split()[:2] for line in ended.out.splitlines()] == [
        ["waiting", "2"],
        ["delayed", "0"],
        ["dead", "4"],
        ["workers", "0"],
    ]
    assert json.loads(as_json.out) == {"waiting": 2, "delayed": 0, "dead": 4, "workers": 0}


def test_a_healthy_queue(cli, stage):
    """Nothing is dead: the code is 0."""

    async def make():
        async with stage.queue():
            pass

    asyncio.run(make())
    assert cli("queue", "status", "--name", stage.name).code == 0
    ended = cli("queue", "dead-letters", "--name", stage.name)
    assert (ended.code, ended.out) == (0, "0 dead letters\n")


def test_dead_letters_are_listed(cli, filled):
    """Each event once, with its name, its masked contact and its reason; as often as one looks."""
    for _ in range(2):
        ended = cli("queue", "dead-letters", "--name", filled.name)

        assert ended.code == 0
        assert ended.out.splitlines() == [
            "2023-11-14T22:13:20.250+00:00  rejected  registered s***@e***  HTTP 400",
            "2023-11-14T22:13:20.250+00:00  unknown   +***67  lost",
            "2023-11-14T22:13:20.250+00:00  rejected    unreadable",
            "3 dead letters",
        ]


def test_dead_letters_for_programs(cli, filled):
    """An object a line, without anything of the event that is not masked."""
    ended = cli("queue", "dead-letters", "--name", filled.name, "--json")

    first, second, third = map(json.loads, ended.out.splitlines())
    assert first == {
        "key": filled.key,
        "at": "2023-11-14T22:13:20.250+00:00",
        "status": "rejected",
        "event_name": "registered",
        "email": "s***@e***",
        "phone": None,
        "generation": 0,
        "reason": "HTTP 400",
    }
    assert (second["status"], second["email"], second["phone"]) == ("unknown", None, "+***67")
    assert (third["key"], third["event_name"], third["reason"]) == (None, None, "unreadable")


def test_replaying(cli, filled):
    """What was rejected is put back, what is unknown with a word alone, and what cannot be read never."""
    first = cli("queue", "replay", "--name", filled.name)
    second = cli("queue", "replay", "--name", filled.name, "--resend-unknown")

    assert (first.code, second.code) == (0, 0)
    assert first.out.splitlines() == [
        "1 event put back",
        "2 left; those of status unknown are sent again with --resend-unknown alone",
    ]
    assert second.out.splitlines()[0] == "1 event put back"
    assert second.out.splitlines()[1].startswith("1 left: ")
    assert json.loads(cli("queue", "status", "--name", filled.name, "--json").out)["waiting"] == 4


def test_replaying_some(cli, filled):
    """`--limit` bounds it; a wrong one is wrong usage."""
    ended = cli("queue", "replay", "--name", filled.name, "--resend-unknown", "--limit", "1")

    assert ended.out.splitlines()[0] == "1 event put back"
    assert cli("queue", "replay", "--limit", "0").code == 2


def test_the_url_may_come_from_a_file(cli, filled, rabbitmq, write, monkeypatch):
    """As every other secret does."""
    monkeypatch.delenv("SENDPULSE_QUEUE_URL")
    path = write("env", f"SENDPULSE_QUEUE_URL={rabbitmq.url}\n")

    assert cli("queue", "status", "--name", filled.name, "--env-file", path).code == 3


@pytest.mark.parametrize("command", ["status", "dead-letters", "replay"])
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "SENDPULSE_QUEUE_URL is not set"),
        ("http://canary/", "the queue's URL must be amqp://"),
        ("amqp://canary:canary@127.0.0.1:1/", "cannot be reached (AMQPConnectionError)"),
    ],
)
def test_no_way_to_rabbitmq(process, monkeypatch, command, url, said):
    """One line says why, without the URL; the code is that of wrong settings."""
    monkeypatch.setenv("SENDPULSE_QUEUE_URL", url)
    ended = process("queue", command)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert ended.err.count("\n") == 1


def test_a_queue_that_is_not_there(cli, stage):
    """A typing error makes no queue."""
    for _ in range(2):
        ended = cli("queue", "status", "--name", stage.name)

        assert (ended.code, ended.out) == (2, "")
        assert f"there is no queue '{stage.name}' in RabbitMQ" in ended.err


@pytest.mark.parametrize("package", ["taskiq", "taskiq_aio_pika", "aio_pika"])
def test_the_extra_is_not_installed(package):
    """One line names it; the rest of the command line goes without."""
    ended = without([package], "queue", "status")

    assert (ended.returncode, ended.stdout) == (2, "")
    how = "pip install 'sendpulse-async[cli,sandbox,taskiq]'"
    assert ended.stderr == f"sendpulse-async: this needs {package}, of the extra [taskiq]: {how}\n"
    assert without([package], "queue", "replay", "--help").returncode == 0


def test_help_names_the_variable(process):
    """Where the URL comes from, which is never an argument."""
    ended = process("queue", "--help")

    assert "SENDPULSE_QUEUE_URL" in ended.out
    assert_silent(ended.out)
