"""What the event doors take, what they refuse, and in which words."""

from __future__ import annotations

import json

import httpx
import pytest

from sendpulse_async.sandbox import Sandbox, Switches

EMAIL = {"email": "test1@test1.com"}
HASH = "0123456789abcdef" * 2


def refused_with(answer, sandbox):
    """Return status and error code as answered, after a look that the request is filed apart with them."""
    assert sandbox.events == ()
    assert sandbox.refused[-1].status == answer.status_code
    assert sandbox.refused[-1].error_code == answer.json().get("error_code")
    return answer.status_code, answer.json().get("error_code")


def test_the_raw_door_takes_a_json_event(sandbox, client):
    """A raw event is answered 200 `{"result": true}` and stands in the ledger as it was sent."""
    payload = {"email": " test1@test1.com", "phone": "+123456789", "price": 12.5, "products": [{"name": "x"}]}

    answer = client.post(sandbox.event_url, json=payload)

    assert (answer.status_code, answer.json()) == (200, {"result": True})
    assert answer.headers["content-type"] == "application/json"
    (entry,) = sandbox.events
    assert (entry.door, entry.event, entry.method, entry.status) == ("raw", None, "POST", 200)
    assert entry.payload == payload
    assert json.loads(entry.body) == payload
    assert (entry.email, entry.phone) == ("test1@test1.com", "+123456789")
    assert entry.path == sandbox.event_url.removeprefix(sandbox.origin)
    assert ("host", sandbox.origin.removeprefix("http://")) in entry.headers
    assert sandbox.refused == ()


@pytest.mark.parametrize("path", ["/events/name/purchase", "//events/name/purchase"])
def test_the_named_door_takes_an_event_with_a_key(sandbox, client, by_key, path):
    """An event by name is taken, under the official Python client's double slash too."""
    answer = client.post(f"{sandbox.origin}{path}", json=EMAIL, headers=by_key)

    assert answer.json() == {"result": True}
    assert [(entry.door, entry.event, entry.path) for entry in sandbox.events] == [("name", "purchase", path)]


@pytest.mark.parametrize(
    ("segment", "event"),
    [("caf%C3%A9", "café"), ("a%2Fb", "a/b"), ("a%20b", "a b"), ("%3Cscript%3E", "<script>")],
)
def test_a_name_is_one_percent_decoded_segment(sandbox, client, by_key, segment, event):
    """The ledger holds the decoded name, a slash in it included."""
    client.post(f"{sandbox.origin}/events/name/{segment}", json=EMAIL, headers=by_key)

    assert sandbox.events[0].event == event


@pytest.mark.parametrize("path", ["/events/name/", "/events/name/a/b", "/events/name/%FF"])
def test_a_path_that_names_no_event_is_refused(sandbox, client, by_key, path):
    """No name, two segments and invalid UTF-8 are events that do not exist."""
    answer = client.post(path, json=EMAIL, headers=by_key)

    assert refused_with(answer, sandbox) == (400, 102)


@pytest.mark.parametrize("path", [f"/events/id/{HASH}", f"/events/id/{HASH}/x1", f"/events/id/{HASH.upper()}/1"])
def test_a_malformed_raw_url_is_refused(sandbox, client, path):
    """A raw URL is 32 lower-case hexadecimal digits and a number."""
    answer = client.post(path, json=EMAIL)

    assert refused_with(answer, sandbox) == (400, 102)
    assert answer.json()["message"] == "Event not exists"


def test_every_well_formed_raw_url_is_known(sandbox, client):
    """By default any account's raw URL works."""
    assert client.post(f"/events/id/{HASH}/1", json=EMAIL).json() == {"result": True}


@pytest.mark.parametrize("authorization", [None, "Bearer b'abc'", "Bearer unknown", "Bearer", "Basic sp_apikey_"])
def test_the_named_door_wants_a_token(sandbox, client, authorization):
    """No, a malformed and an unknown token get 401, the official client's `b'…'` among them."""
    headers = {"Authorization": authorization} if authorization else {}

    answer = client.post("/events/name/purchase", json=EMAIL, headers=headers)

    assert refused_with(answer, sandbox) == (401, 401)
    assert answer.json()["message"] == "Unauthorized!"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[1]",
        b'"text"',
        b"null",
        b"{",
        b"\xff\xfe",
        b'{"email": "\xff"}',
        b'{"email": "a@b.c", "x": NaN}',
        b'{"email": "a@b.c", "x": ' + b"1" * 5000 + b"}",
        b"[" * 1_000_000,
        b'{"email": "a@b.c", "x": ' + b"[" * 700 + b"]" * 700 + b"}",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_json_object_is_badly_formed(sandbox, client, body):
    """Any body but a JSON object of sane depth gets 400 with code 999, and never a crash."""
    answer = client.post(sandbox.event_url, content=body)

    assert refused_with(answer, sandbox) == (400, 999)
    assert sandbox.refused[0].body == body


def test_wide_json_is_not_deep_json(sandbox, client):
    """A list of a thousand objects is taken: only depth is limited."""
    answer = client.post(sandbox.event_url, json={**EMAIL, "products": [{"id": number} for number in range(1000)]})

    assert answer.json() == {"result": True}


@pytest.mark.parametrize("payload", [{}, {"email": "  "}, {"email": None, "phone": ""}, {"name": "x"}])
def test_an_event_without_contact_is_refused(sandbox, client, payload):
    """A blank address is no address: 400 with code 8."""
    answer = client.post(sandbox.event_url, json=payload)

    assert refused_with(answer, sandbox) == (400, 8)


@pytest.mark.parametrize("payload", [{"email": 5}, {"email": "a@b.c", "phone": 380991234567}, {"email": ["a@b.c"]}])
def test_a_contact_that_is_not_text_is_refused(sandbox, client, payload):
    """`email` and `phone` are strings: 422."""
    answer = client.post(sandbox.event_url, json=payload)

    assert refused_with(answer, sandbox) == (422, 422)


@pytest.mark.parametrize("size", [2 * 1024 * 1024 + 1, 8 * 1024 * 1024])
def test_a_huge_body_is_refused(sandbox, client, size):
    """More than 2 MiB get 413; the body is not kept, and the next event is taken."""
    answer = client.post(sandbox.event_url, content=b" " * size)

    assert refused_with(answer, sandbox) == (413, 413)
    assert sandbox.refused[0].body == b""
    assert client.post(sandbox.event_url, json=EMAIL).status_code == 200


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/json; charset=utf-8"])
def test_what_names_no_form_is_json(sandbox, client, by_key, content_type):
    """The content type may be missing or odd."""
    headers = by_key | ({"Content-Type": content_type} if content_type else {})

    answer = client.post("/events/name/purchase", content=json.dumps(EMAIL), headers=headers)

    assert answer.json() == {"result": True}
    assert sandbox.events[0].content_type == content_type


def test_only_post_sends(sandbox, client):
    """GET on a door is 405, an unknown path 404, and neither is filed."""
    assert client.get(sandbox.event_url).status_code == 405
    assert client.post("/nowhere").status_code == 404
    assert sandbox.events == sandbox.refused == ()


@pytest.mark.parametrize(
    ("switches", "path", "payload", "outcome"),
    [
        (Switches(known_events=frozenset({"purchase"})), "/events/name/purchase", EMAIL, 200),
        (Switches(known_events={"purchase"}), "/events/name/refund", EMAIL, 102),
        (Switches(known_hashes=frozenset({HASH})), f"/events/id/{HASH}/1", EMAIL, 200),
        (Switches(known_hashes=frozenset({HASH})), f"/events/id/{HASH[::-1]}/1", EMAIL, 102),
        (Switches(events_need_object=False), f"/events/id/{HASH}/1", [EMAIL], 8),
        (Switches(events_need_object=False, events_need_contact=False), f"/events/id/{HASH}/1", [EMAIL], 200),
        (Switches(events_need_contact=False), f"/events/id/{HASH}/1", {"user": EMAIL}, 200),
        (Switches(contacts_must_be_strings=False), f"/events/id/{HASH}/1", {"email": 1, "phone": "1"}, 200),
        (Switches(accepts_api_key=False), "/events/name/purchase", EMAIL, 401),
    ],
)
def test_a_switch_has_two_positions(switches, path, payload, outcome):
    """Each guess of the contract can be turned the other way."""
    with Sandbox(switches=switches) as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.api_key}"}

        answer = httpx.post(f"{sandbox.origin}{path}", json=payload, headers=headers, trust_env=False)

    assert answer.json().get("error_code", answer.status_code) == outcome


def test_duplicates_are_refused_with_a_200_when_switched_on():
    """`refuse_duplicates` answers the same event again in SendPulse's own spelling."""
    with Sandbox(switches=Switches(refuse_duplicates=True)) as sandbox, httpx.Client(trust_env=False) as client:
        first = client.post(sandbox.event_url, json=EMAIL)
        other = client.post(sandbox.event_url, json={**EMAIL, "n": 1})
        again = client.post(sandbox.event_url, json=EMAIL)

    assert first.json() == other.json() == {"result": True}
    assert (again.status_code, again.json()) == (200, {"result": False, "message": "Dublicate data"})
    assert (len(sandbox.events), len(sandbox.refused)) == (2, 1)


@pytest.mark.parametrize("lifetime", [-1, float("nan"), float("inf"), "3600", True])
def test_a_token_lifetime_is_seconds(lifetime):
    """A wrong switch names itself."""
    with pytest.raises(ValueError, match="token_lifetime"):
        Switches(token_lifetime=lifetime)


def test_a_set_of_names_is_not_one_text():
    """`known_events="purchase"` is an error, not eight names of a letter each."""
    with pytest.raises(TypeError, match="known_events"):
        Switches(known_events="purchase")
