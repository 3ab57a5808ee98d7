"""The how-to for those who come from pysendpulse: before and after do the same, and failures are as its table says."""

from __future__ import annotations

import functools

import pytest
import pytest_asyncio
from pysendpulse.pysendpulse import PySendPulse

from sendpulse_async import (
    AuthorizedEventSender,
    ClientCredentials,
    EventNotFoundError,
    InvalidEventError,
    Receipt,
    RejectedError,
    RetryPolicy,
    SendPulseError,
    UnknownDeliveryError,
)
from sendpulse_async.sandbox import Fault

from .running import EXAMPLES, begin, end, python, run_example

REDIRECTED = """
import runpy, sys
from pysendpulse.pysendpulse import PySendPulse
PySendPulse._PySendPulse__api_url = sys.argv[1]
runpy.run_path(sys.argv[2])
"""
EVERYWHERE = """
import concurrent.futures, os, sys
sys.path.insert(0, sys.argv[1])
from blocking import send_event

def send_some(name):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: send_event("purchase", {"email": f"{name}{n}@example.com"}), range(10)))

send_some("parent")
children = []
for number in range(2):
    if (child := os.fork()) == 0:
        send_some(f"child{number}")
        os._exit(0)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
send_some("again")
"""
EVENT = {"email": "ana@example.com"}


@pytest.fixture
def talkative():
    """The official client logs payloads and tokens."""
    return ("pysendpulse", "urllib3")


def test_before_and_after_send_the_same_with_one_token(sandbox, tmp_path):
    """The real pysendpulse, then this library in the same folder: the same events, and no second token."""
    command = python("-c", REDIRECTED, sandbox.origin, EXAMPLES / "pysendpulse_before.py")
    before = end(begin(command, tmp_path, **sandbox.environment(), PYTHONWARNINGS=""), is_silent=False)
    after = run_example("pysendpulse_after.py", tmp_path, **sandbox.environment())

    assert (before.returncode, after.returncode, after.said) == (0, 0, "")
    theirs, ours = sandbox.events[:2], sandbox.events[2:]
    assert [(one.event, one.payload) for one in theirs] == [(one.event, one.payload) for one in ours]
    assert [one.payload["email"] for one in ours] == ["ana@example.com", "ben@example.com"]
    assert sandbox.token_requests == 1


def test_a_script_that_does_not_await_sends_and_ends(sandbox, tmp_path):
    """The call blocks and returns a receipt, and the process ends well."""
    ended = run_example("blocking_script.py", tmp_path, **sandbox.environment())

    assert (ended.returncode, ended.said) == (0, "accepted in 1 attempt(s)\n")
    assert len(sandbox.events) == 1


def test_threads_and_forked_workers_send(sandbox, tmp_path):
    """Four threads in the parent, in two children forked after it had sent, and in the parent again."""
    # Python from 3.12 on warns of any fork beside threads; the child of this one uses none of the parent's.
    warnings = {"PYTHONWARNINGS": "error::ResourceWarning,ignore::DeprecationWarning"}
    ended = end(begin(python("-c", EVERYWHERE, EXAMPLES), tmp_path, **sandbox.environment(), **warnings))

    assert (ended.returncode, ended.said) == (0, "")
    assert len({entry.email for entry in sandbox.events}) == 40
    assert (len(sandbox.events), sandbox.token_requests) == (40, 1)


@pytest.fixture
def theirs(sandbox, monkeypatch, tmp_path):
    monkeypatch.setattr(PySendPulse, "_PySendPulse__api_url", sandbox.origin)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    proxy = PySendPulse(sandbox.client_id, sandbox.client_secret, "FILE", f"{tmp_path}/")
    return functools.partial(proxy.send_event, "purchase")


@pytest_asyncio.fixture
async def ours(sandbox):
    auth = ClientCredentials(sandbox.client_id, sandbox.client_secret)
    once = RetryPolicy(max_attempts=1)
    async with AuthorizedEventSender(auth, base_url=sandbox.origin, event_name="purchase", retry=once) as sender:
        yield sender.send_event


def http(status):
    return lambda answer: answer["data"]["is_error"] and answer["data"]["http_code"] == status


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("event", "fault", "is_theirs", "kind"),
    [
        (EVENT, None, lambda answer: answer == {"result": True}, Receipt),
        ({}, None, lambda answer: answer["is_error"] and "body" in answer["message"], InvalidEventError),
        ({"phone": 15550100000}, None, http(422), InvalidEventError),
        (EVENT, Fault(status=422), http(422), RejectedError),
        (EVENT, Fault(status=200, body='{"result": false}'), lambda answer: answer == {"result": False}, RejectedError),
        (EVENT, Fault(status=404), http(404), EventNotFoundError),
        (EVENT, Fault(status=500), http(500), UnknownDeliveryError),
        (EVENT, Fault(status=200, body="<html>"), lambda answer: answer == {}, UnknownDeliveryError),
        (EVENT, Fault(token="expired"), lambda answer: answer == {"result": True}, Receipt),
    ],
)
async def test_the_table_of_failures_is_right(sandbox, theirs, ours, event, fault, is_theirs, kind):
    """What pysendpulse returns, and what this library returns or raises, for the same answer to the same event."""
    for _ in range(2 if fault else 0):
        sandbox.add_fault(fault)

    assert is_theirs(theirs(event))
    try:
        came = await ours(event)
    except SendPulseError as error:
        came = error

    assert type(came) is kind
