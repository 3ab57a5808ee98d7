"""What a sandbox says to a test: what was sent, what is awaited, and what was refused."""

from __future__ import annotations

import anyio
import anyio.to_thread
import httpx
import pytest

from sendpulse_async import ApiKey, AuthorizedEventSender, BodyFormat, RawEventSender, send_many
from sendpulse_async.sandbox._ledger import MAX_ENTRIES
from sendpulse_async.testing import Fault, Sandbox, Switches

pytestmark = pytest.mark.anyio

ANA = {"email": "ana@b.c", "total": 10}


@pytest.fixture
def talkative():
    """What talks to the sandbox here is a plain client."""
    return ("httpx",)


@pytest.fixture
def sandbox():
    with Sandbox() as running:
        yield running


def by_name(sandbox):
    return AuthorizedEventSender(ApiKey(sandbox.api_key), base_url=sandbox.origin, event_name="purchase")


def said(assertion, *args, **options):
    with pytest.raises(AssertionError) as caught:
        assertion(*args, **options)
    return str(caught.value).splitlines()


async def test_what_was_sent_is_found(sandbox):
    """By name and by URL, with its ledger entry; a fault that answers badly takes the event all the same."""
    sandbox.assert_nothing_sent()
    async with by_name(sandbox) as named, RawEventSender(sandbox.event_url, body_format=BodyFormat.URLENCODED) as raw:
        await named.send_event(ANA)
        await raw.send_event(ANA)

    assert sandbox.assert_sent("purchase", email="ana@b.c", variables={"total": 10}, times=1) == sandbox.events[:1]
    assert sandbox.assert_sent(variables={"total": "10"}, times=1) == sandbox.events[1:]
    assert sandbox.assert_sent(email="ana@b.c") == sandbox.events
    assert said(sandbox.assert_nothing_sent) == [
        "expected that nothing is sent, found 2 events:",
        "  #1  purchase, ana@b.c  {'total': 10}",
        "  #2  (raw), ana@b.c  {'total': '10'}",
    ]


def test_what_was_refused_explains_what_is_missing(sandbox):
    """The latest refusals, each with its reason, and how many there were."""
    with httpx.Client(base_url=sandbox.origin, trust_env=False) as client:
        client.post("/events/name/purchase", json=ANA)
        client.post(sandbox.event_url, json={"total": 10})
        client.post(sandbox.event_url, content=b"{")
        client.post(sandbox.event_url, json={"email": 5})

    assert said(sandbox.assert_sent, "purchase") == [
        "expected at least 1 event, but nothing was sent",
        "  event  'purchase'",
        "4 requests refused:",
        "  #2  (raw): HTTP 400, error_code 8 (no email and no phone)",
        "  #3  (raw): HTTP 400, error_code 999 (no JSON object)",
        "  #4  (raw): HTTP 422 (email and phone must be strings)",
    ]


def test_a_refused_request_names_its_event(sandbox):
    """An event that came without a token is told by its name and its address."""
    httpx.post(f"{sandbox.origin}/events/name/purchase", json=ANA, trust_env=False)

    assert said(sandbox.assert_sent, "purchase")[2:] == [
        "1 request refused:",
        "  #1  purchase, ana@b.c: HTTP 401 (no valid token)",
    ]


async def test_an_event_of_background_work_is_waited_for(sandbox):
    """It returns once the event is in the ledger, before the sender has its answer."""
    sandbox.add_fault(Fault(drop="hang"))

    async with by_name(sandbox) as sender, anyio.create_task_group() as group:
        group.start_soon(sender.send_event, ANA)
        (entry,) = await sandbox.wait_sent("purchase", email="ana@b.c", timeout=60)
        group.cancel_scope.cancel()

    assert entry.payload == ANA


async def test_each_event_wakes_who_waits(sandbox):
    """Of a hundred events the last one ends the wait."""
    async with RawEventSender(sandbox.event_url) as sender, anyio.create_task_group() as group:
        group.start_soon(send_many, sender, ({**ANA, "n": n} for n in range(100)))
        (entry,) = await sandbox.wait_sent(variables={"n": 99}, timeout=60)

    assert entry.payload["n"] == 99


async def test_a_wait_in_vain_says_what_came_instead(sandbox):
    """After its seconds it fails as `assert_sent` does; meanwhile nothing is looked at again and again."""
    looks = []
    evidence = sandbox._evidence
    sandbox._evidence = lambda: looks.append(1) or evidence()

    with pytest.raises(AssertionError, match=r"^waited 0\.05 s: expected at least 1 event, but nothing was sent"):
        await sandbox.wait_sent("purchase", timeout=0.05)

    assert len(looks) <= 3


async def test_what_arrived_is_searched(sandbox):
    """With the grammar of the page, accepted and refused together, in the order of arrival."""
    httpx.post(f"{sandbox.origin}/events/name/purchase", json={**ANA, "total": 50}, trust_env=False)
    async with by_name(sandbox) as sender:
        for total in (5, 10, 20):
            await sender.send_event({**ANA, "total": total})

    assert [entry.payload["total"] for entry in sandbox.find("event:purchase var.total>=10")] == [50, 10, 20]
    assert [entry.payload["total"] for entry in sandbox.find("is:refused")] == [50]
    assert sandbox.find("") == (*sandbox.refused, *sandbox.events)
    assert sandbox.find("ben@b.c") == ()
    with pytest.raises(ValueError, match="colour"):
        sandbox.find("colour:red")


def test_what_the_ledger_no_longer_keeps_is_owned_up_to(sandbox):
    """Of more events than it keeps, it says how many it did not look at."""
    entry = None
    httpx.post(sandbox.event_url, json=ANA, trust_env=False)
    (entry,) = sandbox.events
    for _ in range(MAX_ENTRIES + 2):
        sandbox._state.ledger.add(entry)

    assert said(sandbox.assert_sent, email="ben@b.c")[-1] == "3 older events no longer kept, and not looked at"


def test_the_package_for_tests_hands_out_the_sandboxs_names():
    """One import serves a test: they are the sandbox's own."""
    from sendpulse_async import sandbox, testing  # noqa: PLC0415 - each name is asked for by itself

    assert sorted(testing.__all__) == testing.__all__
    assert {name: getattr(testing, name) for name in ("Fault", "LedgerEntry", "Sandbox", "Switches")} == {
        name: getattr(sandbox, name) for name in ("Fault", "LedgerEntry", "Sandbox", "Switches")
    }
    assert Switches is sandbox.Switches
    with pytest.raises(AttributeError, match="Sandpit"):
        _ = testing.Sandpit
