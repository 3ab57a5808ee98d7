"""The official clients as witnesses: what they send lands in the ledger as this library's own does.

The Python client is the real one, from the package index; of the PHP client it is the request, made by PHP and curl.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from pysendpulse.pysendpulse import PySendPulse

from sendpulse_async import AuthorizedEventSender, BodyFormat, ClientCredentials, RawEventSender

EVENT = {
    "email": "ana@b.c",
    "phone": "+100",
    "note": 'Käse & Brot = 100 %\n"gut"',
    "total": 19.9,
    "count": 3,
    "is_paid": True,
    "is_new": False,
    "products": [{"name": "tea", "price": 4.5, "tags": ["a", "b"]}, {"name": "cup", "price": 10}],
    "address": {"city": "Łódź", "zip": "00-001"},
}
WITHOUT_VALUE = {"nothing": None, "none_of_it": []}
"""A form has no place for these: PHP leaves them out, and so does this library."""

SCRIPT = Path(__file__).with_name("official_client.php")


@pytest.fixture
def redirected(sandbox, monkeypatch):
    # The address is the client's private constant; there is no setting for it.
    monkeypatch.setattr(PySendPulse, "_PySendPulse__api_url", sandbox.origin)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return sandbox


def test_it_gets_a_token_and_sends_an_event(redirected, tmp_path):
    """One token request, one event, accepted; the JSON arrives as it was given."""
    client = PySendPulse(redirected.client_id, redirected.client_secret, "FILE", f"{tmp_path}/")

    answer = client.send_event("purchase", {"email": "test@test.com", "phone": "+123456789", "var_1": "x"})

    assert answer == {"result": True}
    (entry,) = redirected.events
    assert entry.event == "purchase"
    assert entry.payload == {"email": "test@test.com", "phone": "+123456789", "var_1": "x"}
    assert redirected.token_requests == 1


def test_its_disguised_token_is_refused_and_fetched_anew(redirected, tmp_path):
    """It reads its own token file as bytes and sends `Bearer b'…'`: 401, then a fresh token works."""
    PySendPulse(redirected.client_id, redirected.client_secret, "FILE", f"{tmp_path}/")
    second = PySendPulse(redirected.client_id, redirected.client_secret, "FILE", f"{tmp_path}/")

    assert second.send_event("purchase", {"email": "test@test.com"}) == {"result": True}

    assert [entry.status for entry in redirected.refused] == [401]
    assert dict(redirected.refused[0].headers)["authorization"].startswith("Bearer b'")
    assert redirected.token_requests == 2


def test_wrong_credentials_are_refused(redirected, tmp_path):
    """It raises its own error on 401."""
    with pytest.raises(Exception, match="check your ID and SECRET"):
        PySendPulse(redirected.client_id, "wrong", "FILE", f"{tmp_path}/")


def by_name(sandbox):
    credentials = ClientCredentials(sandbox.client_id, sandbox.client_secret)
    return AuthorizedEventSender(credentials, base_url=sandbox.origin, event_name="purchase")


def seen(entry):
    """What of an entry must be the same, whoever sent it."""
    kind = (entry.content_type or "").partition(";")[0]
    return entry.door, entry.event, kind, entry.payload


@pytest.fixture(scope="module")
def php():
    """Where PHP with curl is."""
    found = shutil.which("php")
    if found is None or "curl" not in subprocess.check_output([found, "-m"], text=True).split():
        pytest.skip("PHP with its curl extension is not installed (php-cli, php-curl)")
    return found


def send_by_php(php, **told):
    command = [php, str(SCRIPT), json.dumps(told)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    assert json.loads(ended.stdout) == {"result": True}


@pytest.mark.asyncio
async def test_an_event_of_the_python_client_is_the_same_as_ours(redirected, tmp_path):
    """Door, name, content type and payload: the ledger does not tell one from the other."""
    client = PySendPulse(redirected.client_id, redirected.client_secret, "FILE", f"{tmp_path}/")
    event = EVENT | WITHOUT_VALUE

    client.send_event("purchase", event)
    async with by_name(redirected) as sender:
        await sender.send_event(event)

    theirs, ours = redirected.events
    assert seen(theirs) == seen(ours) == ("name", "purchase", "application/json", event)
    assert theirs.path == f"/{ours.path}"


@pytest.mark.asyncio
@pytest.mark.parametrize("body_format", list(BodyFormat))
async def test_a_raw_event_of_php_is_the_same_as_ours(php, sandbox, body_format):
    """In each encoding, the ledger has the same door, content type and payload, nested values and booleans included."""
    event = EVENT if body_format is BodyFormat.RAW else EVENT | WITHOUT_VALUE

    send_by_php(php, url=sandbox.event_url, format=body_format.value, event=event)
    async with RawEventSender(sandbox.event_url, body_format=body_format) as sender:
        await sender.send_event(event)

    theirs, ours = sandbox.events
    assert seen(theirs) == seen(ours)
    assert (ours.door, ours.email, ours.phone) == ("raw", "ana@b.c", "+100")
    if body_format is BodyFormat.RAW:
        assert ours.payload == EVENT


@pytest.mark.asyncio
@pytest.mark.parametrize("body_format", list(BodyFormat))
async def test_an_event_of_php_by_name_is_the_same_as_ours(php, sandbox, body_format):
    """With a token that it asked for by form, as it does; of a form the values are the texts of ours."""
    credentials = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
    doors = {"token_url": f"{sandbox.origin}/oauth/access_token", "url": f"{sandbox.origin}/events/name/purchase"}

    send_by_php(php, format=body_format.value, event=EVENT, **doors, **credentials)
    async with by_name(sandbox) as sender, RawEventSender(sandbox.event_url, body_format=body_format) as raw:
        await sender.send_event(EVENT)
        await raw.send_event(EVENT)

    theirs, ours, as_form = sandbox.events
    assert (theirs.door, theirs.event, theirs.email) == (ours.door, ours.event, ours.email)
    assert theirs.payload == as_form.payload
    assert sandbox.token_requests == 2
    assert sandbox.refused == ()
