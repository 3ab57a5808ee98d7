"""The token endpoint and the life of its tokens."""

from __future__ import annotations

import httpx
import pytest

from sendpulse_async.sandbox import Fault, Sandbox, Switches
from sendpulse_async.sandbox._account import MAX_TOKENS, TokenDesk

TOKEN = "/oauth/access_token"


@pytest.fixture
def credentials(sandbox):
    return {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
    }


def send(client, token):
    headers = {"Authorization": f"Bearer {token}"}
    return client.post("/events/name/purchase", json={"email": "a@b.c"}, headers=headers).status_code


@pytest.mark.parametrize("encoding", ["json", "data"])
def test_right_credentials_get_a_token_that_opens_the_door(sandbox, client, credentials, encoding):
    """JSON and urlencoded requests get a token, and the endpoint counts them."""
    answer = client.post(TOKEN, **{encoding: credentials})

    assert answer.status_code == 200
    assert answer.json() | {"access_token": ""} == {"access_token": "", "token_type": "Bearer", "expires_in": 3600}
    assert send(client, answer.json()["access_token"]) == 200
    assert sandbox.token_requests == 1


@pytest.mark.parametrize(
    "change",
    [{"client_secret": "wrong"}, {"client_id": None}, {"grant_type": "password"}, {"client_id": ["x"]}],
)
def test_wrong_credentials_are_an_invalid_client(client, credentials, change):
    """Any wrong part gets SendPulse's 401 in its own words."""
    answer = client.post(TOKEN, json=credentials | change)

    assert answer.status_code == 401
    assert answer.json() == {
        "error": "invalid_client",
        "error_description": "Client authentication failed",
        "message": "Client authentication failed",
    }


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"x" * (3 * 1024 * 1024)], ids=["empty", "list", "torn", "huge"])
def test_a_token_request_that_cannot_be_read_is_an_invalid_client(sandbox, client, body):
    """It is counted, refused, and never a crash."""
    assert client.post(TOKEN, content=body).status_code == 401
    assert sandbox.token_requests == 1


def test_revoked_tokens_no_longer_open_the_door(sandbox, client, credentials):
    """`revoke_tokens` makes every token so far invalid, and none that comes after."""
    old = client.post(TOKEN, json=credentials).json()["access_token"]

    sandbox.revoke_tokens()

    assert send(client, old) == 401
    assert send(client, client.post(TOKEN, json=credentials).json()["access_token"]) == 200


@pytest.mark.parametrize(("revokes", "status"), [(False, 200), (True, 401)])
def test_whether_a_new_token_revokes_the_old_is_a_switch(credentials, revokes, status):
    """SendPulse does not say, so both positions exist."""
    switches = Switches(new_token_revokes_old=revokes)
    with Sandbox(switches=switches) as sandbox, httpx.Client(base_url=sandbox.origin, trust_env=False) as client:
        old, new = (client.post(TOKEN, json=credentials).json()["access_token"] for _ in range(2))

        assert (send(client, old), send(client, new)) == (status, 200)


def test_a_token_expires_and_is_forgotten():
    """A token opens the door for its lifetime, and takes no memory after it."""
    now = [100.0]
    desk = TokenDesk(lambda: Switches(token_lifetime=60), lambda: now[0])
    token = desk.issue()

    now[0] += 59
    assert desk.opens(token)

    now[0] += 1
    assert not desk.opens(token)
    desk.issue()
    assert token not in desk._expiries


def test_the_lifetime_is_told(credentials):
    """`expires_in` is the switch's value."""
    with Sandbox(switches=Switches(token_lifetime=7200)) as sandbox:
        answer = httpx.post(f"{sandbox.origin}{TOKEN}", json=credentials, trust_env=False)

    assert answer.json()["expires_in"] == 7200


def test_a_fault_can_replace_the_token(sandbox, client, credentials):
    """A fault at the token endpoint answers in its place, as often as told, and the count goes on."""
    sandbox.add_fault(Fault(door="token", status=500, times=2))

    statuses = [client.post(TOKEN, json=credentials).status_code for _ in range(3)]

    assert statuses == [500, 500, 200]
    assert sandbox.token_requests == 3


def test_a_fault_can_break_the_connection_under_a_token(sandbox, client, credentials):
    """A fault that only drops leaves the token's own answer as it is, and cuts it."""
    sandbox.add_fault(Fault(door="token", drop="cut"))

    with pytest.raises(httpx.RemoteProtocolError):
        client.post(TOKEN, json=credentials)


def test_faults_for_events_leave_the_token_endpoint_alone(sandbox, client, credentials):
    """A fault that names no door is for the two event doors."""
    sandbox.add_fault(Fault(status=500))

    assert client.post(TOKEN, json=credentials).status_code == 200


def test_tokens_that_live_are_kept_up_to_a_number():
    """Whoever fetches a token for each request fills no memory; the newest open."""
    switches = Switches()
    desk = TokenDesk(lambda: switches)
    tokens = [desk.issue() for _ in range(MAX_TOKENS + 1)]

    assert not desk.opens(tokens[0])
    assert desk.opens(tokens[1])
    assert desk.opens(tokens[-1])
