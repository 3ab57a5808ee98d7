"""The guard: whom the sandbox serves, under which names, and for which pages."""

from __future__ import annotations

import httpx
import pytest
from starlette.datastructures import Headers

from sendpulse_async.sandbox import Sandbox
from sendpulse_async.sandbox._guard import Guard

EVENTS = "/_sandbox/events"
EMAIL = {"email": "a@b.c"}


@pytest.fixture
def remote():
    with Sandbox(host="0.0.0.0", allow_remote=True, allowed_hosts={"Sandbox"}) as running:
        yield running


def admits(guard, method="POST", **headers):
    return guard.admits(method, Headers({name.replace("_", "-"): text for name, text in headers.items()}))


def test_it_can_listen_to_other_machines(remote, client_of):
    """Told so it takes any address, and can be reached from here."""
    assert remote.origin.startswith("http://127.0.0.1:")
    with client_of(remote) as client:
        assert client.post(remote.event_url, json=EMAIL).status_code == 200


@pytest.mark.parametrize("host", ["example.com", "", "sandbox", "256.0.0.1"])
def test_it_listens_to_addresses_alone(host):
    """A name is nothing to listen to, whoever may come."""
    with pytest.raises(ValueError, match="host"):
        Sandbox(host=host, allow_remote=True)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("192.168.0.7", 200),
        ("192.168.0.7:8025", 200),
        ("[fd00::7]:8025", 200),
        ("localhost:1", 200),
        ("sandbox:8025", 200),
        ("SANDBOX", 200),
        ("evil.example", 403),
        ("192.168.0.7.evil.example", 403),
        ("sandbox.evil.example", 403),
        ("192.168.0.7@evil.example", 403),
        ("", 403),
    ],
)
def test_other_machines_use_addresses_and_names_that_were_given(remote, client_of, host, status):
    """An address cannot be rebound; a name must be one that the owner gave."""
    with client_of(remote) as client:
        assert client.get(EVENTS, headers={"Host": host}).status_code == status


def test_a_given_name_needs_no_other_machines(client_of):
    """A name of this machine is served on loopback too."""
    with Sandbox(allowed_hosts=["sandbox.test"]) as sandbox, client_of(sandbox) as client:
        assert client.get(EVENTS, headers={"Host": "sandbox.test"}).status_code == 200
        assert client.get(EVENTS, headers={"Host": "192.168.0.7"}).status_code == 403


@pytest.mark.parametrize("names", [{"a:1"}, {"http://a"}, {"*"}, {""}, {5}, {"a b"}])
def test_a_name_that_is_none_is_refused(names):
    """Neither ports nor patterns: a name is a name."""
    with pytest.raises(ValueError, match="allowed_hosts"):
        Sandbox(allowed_hosts=names)


def test_one_text_is_no_set_of_names():
    """It would be taken for its letters."""
    with pytest.raises(TypeError, match="allowed_hosts"):
        Sandbox(allowed_hosts="sandbox")


@pytest.mark.parametrize(
    ("origin", "is_served"),
    [
        ("http://192.168.0.7:8025", True),
        ("http://localhost:3000", True),
        ("http://192.168.0.7", False),
        ("http://192.168.0.8:8025", False),
        ("https://evil.example", False),
        ("null", False),
        ("file://", False),
        ("", False),
    ],
)
def test_pages_of_other_origins_are_refused(origin, is_served):
    """The sandbox's own page passes, and those of the machine that asks; another address is another site."""
    guard = Guard(allow_remote=True)

    assert admits(guard, host="192.168.0.7:8025", origin=origin) is is_served


def test_a_second_origin_does_not_hide_the_first():
    """Of several all must be right."""
    headers = Headers(
        raw=[(b"host", b"localhost"), (b"origin", b"http://localhost"), (b"origin", b"http://evil.example")]
    )

    assert not Guard().admits("POST", headers)


@pytest.mark.parametrize(
    ("method", "site", "mode", "is_served"),
    [
        ("POST", "cross-site", "no-cors", False),
        ("POST", "cross-site", "navigate", False),
        ("DELETE", "cross-site", "cors", False),
        ("GET", "cross-site", "no-cors", False),
        ("GET", "cross-site", "navigate", True),
        ("HEAD", "cross-site", "navigate", True),
        ("POST", "same-origin", "cors", True),
        ("POST", "same-site", "cors", True),
        ("GET", "none", "navigate", True),
    ],
)
def test_what_a_browser_calls_cross_site_is_refused(method, site, mode, is_served):
    """But for following a link, which changes nothing."""
    assert admits(Guard(), method, host="localhost", sec_fetch_site=site, sec_fetch_mode=mode) is is_served


@pytest.mark.parametrize("path", ["/", EVENTS, "/_sandbox/openapi.json", "/_sandbox/nothing"])
def test_page_and_api_carry_the_headers_of_security(client, path):
    """No sniffing, no referrer, no cache, no frame: on whatever they answer, errors too."""
    for answer in (client.get(path), client.put(path), client.get(path, headers={"Host": "evil.example"})):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"]


def test_the_doors_add_nothing(sandbox, client):
    """They answer as SendPulse does."""
    assert set(client.post(sandbox.event_url, json=EMAIL).headers) == {"content-length", "content-type"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", EVENTS, {"GET", "HEAD", "DELETE"}),
        ("PATCH", "/_sandbox/faults", {"GET", "HEAD", "POST", "DELETE"}),
        ("POST", "/_sandbox/faults/1", {"GET", "HEAD", "DELETE"}),
        ("DELETE", "/_sandbox/switches", {"GET", "HEAD", "PATCH"}),
        ("GET", "/_sandbox/tokens", {"DELETE"}),
        ("GET", "/oauth/access_token", {"POST"}),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(client, method, path, allowed):
    """405 with all of the path's methods in `Allow`."""
    answer = client.request(method, path)

    assert (answer.status_code, set(answer.headers["allow"].split(", "))) == (405, allowed)


def test_what_is_not_there_is_said_in_json(client):
    """An unknown path of the test API has an answer as all its errors."""
    answer = client.get("/_sandbox/nothing")

    assert (answer.status_code, answer.json()["error_code"]) == (404, 404)


def test_a_refused_page_learns_nothing(sandbox):
    """What is refused for its origin is not filed either."""
    answer = httpx.post(sandbox.event_url, json=EMAIL, headers={"Origin": "https://evil.example"}, trust_env=False)

    assert (answer.status_code, sandbox.events, sandbox.refused) == (403, (), ())
