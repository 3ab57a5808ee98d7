"""The switches: shown, and changed while the sandbox serves."""

from __future__ import annotations

import attrs
import pytest

from sendpulse_async.sandbox import Sandbox, Switches

SWITCHES = "/_sandbox/switches"
EMAIL = {"email": "a@b.c"}


def shown(answer):
    return {switch["name"]: switch["value"] for switch in answer.json()["switches"]}


def test_each_switch_says_how_sure_it_is(client):
    """The list has each with its default, its certainty and a short label, and says so of all."""
    switches = client.get(SWITCHES).json()["switches"]

    assert [switch["name"] for switch in switches] == [field.name for field in attrs.fields(Switches)]
    assert {tuple(switch) for switch in switches} == {("name", "value", "default", "certainty", "label")}
    assert all(switch["value"] == switch["default"] for switch in switches)
    assert {switch["certainty"] for switch in switches} == {"S", "L", "G"}
    assert all(0 < len(switch["label"]) < 70 for switch in switches)


def test_switches_are_changed_while_it_serves(sandbox, client):
    """Several at once, and the next request meets them; a list is a set, null is None again."""
    changed = client.patch(
        SWITCHES, json={"refuse_duplicates": True, "known_events": ["b", "a"], "token_lifetime": 2.0}
    )

    assert shown(changed) == shown(client.get(SWITCHES))
    assert (shown(changed)["known_events"], sandbox.switches.known_events) == (["a", "b"], {"a", "b"})
    client.post(sandbox.event_url, json=EMAIL)
    assert client.post(sandbox.event_url, json=EMAIL).json()["result"] is False

    client.patch(SWITCHES, json={"known_events": None, "refuse_duplicates": False})
    assert client.post(sandbox.event_url, json=EMAIL).json()["result"] is True
    assert sandbox.switches == Switches(token_lifetime=2)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"refuse_duplicates": true, "color": 1}', "color"),
        (b'{"refuse_duplicates": true, "events_need_object": 1}', "events_need_object"),
        (b'{"refuse_duplicates": null}', "refuse_duplicates"),
        (b'{"refuse_duplicates": true, "known_events": "a"}', "known_events"),
        (b'{"refuse_duplicates": true, "known_events": 5}', "known_events"),
        (b'{"refuse_duplicates": true, "known_hashes": {}}', "known_hashes"),
        (b'{"refuse_duplicates": true, "known_hashes": [1]}', "known_hashes"),
        (b'{"refuse_duplicates": true, "known_hashes": [[]]}', "known_hashes"),
        (b'{"refuse_duplicates": true, "token_lifetime": -1}', "token_lifetime"),
        (b'{"refuse_duplicates": true, "token_lifetime": 1' + b"0" * 400 + b"}", "token_lifetime"),
        (b'{"refuse_duplicates": true, "requests_per_second": 0}', "requests_per_second"),
        (b'{"refuse_duplicates": true, "requests_per_minute": true}', "requests_per_minute"),
        (b'{"refuse_duplicates": true, "requests_per_minute": 1.5}', "requests_per_minute"),
        (b"[]", "JSON object"),
        (b"", "JSON object"),
        (b" " * (3 * 1024 * 1024), "JSON object"),
    ],
    ids=lambda part: part if isinstance(part, str) else None,
)
def test_a_wrong_change_changes_nothing(sandbox, client, body, named):
    """It gets 422 with the switch's name, and the right ones beside it are not taken either."""
    answer = client.patch(SWITCHES, content=body)

    assert answer.status_code == 422
    assert named in answer.json()["message"]
    assert sandbox.switches == Switches()


def test_python_changes_them_too(sandbox, client):
    """`Sandbox.switches` may be set at any time."""
    sandbox.switches = Switches(known_hashes=[])

    assert client.post(sandbox.event_url, json=EMAIL).json()["error_code"] == 102
    assert shown(client.get(SWITCHES))["known_hashes"] == []


def test_only_switches_are_switches():
    """Anything else is refused, and nothing is changed."""
    sandbox = Sandbox()

    with pytest.raises(TypeError, match="Switches"):
        sandbox.switches = {"refuse_duplicates": True}

    assert sandbox.switches == Switches()


def test_who_listens_is_told():
    """Each change, from Python or over HTTP, is told once."""
    sandbox, told = Sandbox(), []

    with sandbox._state.listeners.listening(lambda: told.append(1)):
        sandbox.switches = Switches(refuse_duplicates=True)

    assert told == [1]


def test_tokens_are_revoked_over_http(sandbox, client):
    """`DELETE tokens` makes every token that was given out invalid."""
    form = {"grant_type": "client_credentials", "client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
    token = client.post("/oauth/access_token", json=form).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.post("/events/name/x", json=EMAIL, headers=bearer).status_code == 200

    assert client.delete("/_sandbox/tokens").status_code == 204

    assert client.post("/events/name/x", json=EMAIL, headers=bearer).status_code == 401
