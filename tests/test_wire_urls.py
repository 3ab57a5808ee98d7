"""URLs: where an event may go, what is never said of them, and names as one segment."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import ConfigurationError, InvalidEventError
from sendpulse_async._http import Request
from sendpulse_async._wire import is_sendpulse_host, parse_base_url, parse_event_url
from sendpulse_async._wire._urls import is_loopback, named_event_path

EVENT_PATH = "/events/id/eb561baa181247d1cd378c4ead632877/7043663"
PROXIES = frozenset({"Proxy.Example", "127.0.0.1", "::1", "xn--e1afmkfd.example"})


@pytest.mark.parametrize(
    ("url", "sent_to"),
    [
        (f"https://events.sendpulse.com{EVENT_PATH}", None),
        (f"  https://events.sendpulse.com{EVENT_PATH}\n", f"https://events.sendpulse.com{EVENT_PATH}"),
        (f"HTTPS://Events.SendPulse.com:443{EVENT_PATH}", f"https://events.sendpulse.com{EVENT_PATH}"),
        (f"https://events.sendpulse.com.{EVENT_PATH}", f"https://events.sendpulse.com{EVENT_PATH}"),
        (f"https://events.sendpulse.com:8443{EVENT_PATH}", None),
        ("https://proxy.example/any/path?key=a%2Fb&c=d", None),
        ("https://PROXY.EXAMPLE:444/x/", "https://proxy.example:444/x/"),
        ("https://proxy.example", "https://proxy.example/"),
        ("https://proxy.example?x=1", "https://proxy.example/?x=1"),
        ("https://proxy.example/Київ?є=1", "https://proxy.example/%D0%9A%D0%B8%D1%97%D0%B2?%D1%94=1"),
        ("https://xn--e1afmkfd.example/x", None),
        ("https://127.0.0.1/x", None),
        ("https://[::1]/x", None),
        *[(f"http://{host}/x", None) for host in ("127.0.0.1", "127.9.8.7:8080", "[::1]", "[::1]:8080", "localhost:5")],
        ("http://LOCALHOST:80/x", "http://localhost/x"),
    ],
)
def test_a_url_that_an_event_may_go_to(url, sent_to):
    """SendPulse's hosts and those that the caller names over https, loopback over http: taken apart and back."""
    target = parse_event_url(url, PROXIES)

    assert target.url == (sent_to or url)
    assert target.path.isascii()


@pytest.mark.parametrize(
    ("url", "authority", "port"),
    [
        ("https://events.sendpulse.com/events/id/a/1", "events.sendpulse.com", 443),
        ("https://events.sendpulse.com:444/events/id/a/1", "events.sendpulse.com:444", 444),
        ("http://localhost/", "localhost", 80),
        ("http://localhost:443/", "localhost:443", 443),
        ("http://[::1]:8080/", "[::1]:8080", 8080),
    ],
)
def test_the_host_header_names_a_port_only_where_it_must(url, authority, port):
    """Host and port stand in the Host header as HTTP wants them, IPv6 in brackets."""
    target = parse_event_url(url, ())

    assert (target.authority, target.port) == (authority, port)
    assert target.origin == (urlsplit(url).scheme, urlsplit(url).hostname, port)


C = "canary"
NO_URLS = [
    *[pytest.param(value, id=repr(value)) for value in (None, 5, b"https://events.sendpulse.com/events/id/a/1", ["x"])],
    *["", "   ", f"{C}", f"/events/id/{C}", f"//events.sendpulse.com/events/id/{C}", f"https:events.sendpulse.com/{C}"],
    *[
        f"https:///{C}",
        f"ftp://events.sendpulse.com/{C}",
        f"wss://events.sendpulse.com/{C}",
        f"file:///{C}",
        "https://",
    ],
    # not over https, and not this machine
    *[f"http://events.sendpulse.com/events/id/{C}", f"http://proxy.example/{C}", f"http://0.0.0.0/{C}"],
    *[
        f"http://127.0.0.1.{C}.example/",
        f"http://localhost.{C}.example/",
        f"http://10.0.0.1/{C}",
        f"http://[fe80::1]/{C}",
    ],
    # not a host that was allowed
    *[f"https://{C}.example/", f"https://events.sendpulse.com.{C}.example/", f"https://{C}.sendpulse.com/x"],
    *[f"https://proxy.example.{C}/", f"https://10.0.0.1/{C}", f"https://[2001:db8::1]/{C}", f"https://./{C}"],
    *[f"https://events.sendpulse.com\\.{C}.example/", f"https://приклад.example/{C}", f"https://localhost/{C}"],
    # more, or other, than a URL for an event has
    *[f"https://{C}:x@events.sendpulse.com/events/id/a/1", f"https://{C}@events.sendpulse.com/events/id/a/1"],
    *[f"https://@events.sendpulse.com/events/id/{C}", f"https://events.sendpulse.com/events/id/a/1#{C}"],
    *[
        f"https://events.sendpulse.com/events/id/{C}{bad}x"
        for bad in ("\n", "\r\n", "\t", " ", "\x00", "\x7f", "\ud800")
    ],
    *[
        f"https://events.sendpulse.com:{port}/events/id/{C}"
        for port in ("x", "-1", "65536", "99999999", "\uff14\uff14\uff13")
    ],
    *[f"https://[::1/{C}", f"https://[{C}]/x", f"https://events.sendpulse.com\x00.{C}/"],
]


@pytest.mark.parametrize("parse", [parse_event_url, parse_base_url])
@pytest.mark.parametrize("url", NO_URLS)
def test_any_other_url_is_refused_without_being_quoted(url, parse):
    """What is no URL for events is a ConfigurationError that names the setting and quotes nothing: it is a secret."""
    with pytest.raises(ConfigurationError, match=r"^(the event URL|base_url) ") as caught:
        parse(url, {"proxy.example"})

    assert C not in f"{caught.value} {caught.value!r}"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("path", ["", "/", f"/{C}", f"/events/{C}", f"/events/name/{C}", f"/x/events/id/{C}"])
@pytest.mark.parametrize("host", ["events.sendpulse.com", "api.sendpulse.com"])
def test_an_event_url_on_sendpulse_is_an_event_url(host, path):
    """On SendPulse's own hosts only a raw event URL is taken, so that a token or API address is no silent mistake."""
    with pytest.raises(ConfigurationError) as caught:
        parse_event_url(f"https://{host}{path}", ())

    assert C not in str(caught.value)


@pytest.mark.parametrize("allowed", ["proxy.example", None, 5, {None}, {5}, [b"proxy.example", 5]], ids=repr)
def test_allowed_hosts_is_a_set_of_names(allowed):
    """A setting of the wrong type is a ConfigurationError that names it."""
    with pytest.raises(ConfigurationError, match="allowed_hosts"):
        parse_event_url("https://proxy.example/x", allowed)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://api.sendpulse.com", ""),
        ("https://api.sendpulse.com/", ""),
        ("https://api.sendpulse.com//", ""),
        ("https://events.sendpulse.com", ""),
        ("https://proxy.example/sendpulse/", "/sendpulse"),
        ("https://proxy.example/a/b", "/a/b"),
        ("https://proxy.example/a%3Fb", "/a%3Fb"),
    ],
)
def test_a_base_url_keeps_its_prefix(url, path):
    """The authorised endpoints stand below the base's path, with one slash between."""
    assert parse_base_url(url, {"proxy.example"}).path == path


def test_a_base_url_has_no_query():
    """A query could not stand before the path of an endpoint."""
    with pytest.raises(ConfigurationError, match=r"^base_url .*query"):
        parse_base_url("https://proxy.example/x?canary=1", {"proxy.example"})


@pytest.mark.parametrize("url", ["https://proxy.example/canary?canary", "http://[::1]:8080/canary"])
def test_a_target_masks_its_path(url):
    """A target or a request can be printed: host and port, never the path."""
    target = parse_event_url(url, {"proxy.example"})

    texts = [repr(target), str(target), repr(Request(target, ((b"Host", b"canary"),), b"canary"))]

    assert not [text for text in texts if "canary" in text]
    assert str(target) == f"{urlsplit(url).scheme}://{target.authority}/***"


@pytest.mark.parametrize(
    ("host", "is_own", "is_local"),
    [
        ("events.sendpulse.com", True, False),
        ("api.sendpulse.com", True, False),
        ("login.sendpulse.com", False, False),
        *[(host, False, True) for host in ("localhost", "127.0.0.1", "127.255.0.1", "::1")],
        *[(host, False, False) for host in ("", "127.0.0.1.nip.io", "0.0.0.0", "::", "192.168.0.1", "127.1")],
    ],
)
def test_hosts_are_told_apart(host, is_own, is_local):
    """SendPulse's own hosts have the default rate limit, loopback may do without TLS; nothing else is either."""
    assert (is_sendpulse_host(host), is_loopback(host)) == (is_own, is_local)


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("registration", "registration"),
        ("a_b-c.d~e", "a_b-c.d~e"),
        ("a/b", "a%2Fb"),
        ("../oauth", "..%2Foauth"),
        ("a?b#c", "a%3Fb%23c"),
        ("100%", "100%25"),
        ("%2e%2e", "%252e%252e"),
        ("покупка", "%D0%BF%D0%BE%D0%BA%D1%83%D0%BF%D0%BA%D0%B0"),
        ("a b", "a%20b"),
        ("a\\b", "a%5Cb"),
        ("...", "..."),
    ],
)
def test_a_name_is_one_segment(name, segment):
    """Whatever has a meaning in a URL is percent-encoded in an event's name."""
    assert named_event_path(name) == f"/events/name/{segment}"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a\nb", "\r", "a\x00", "\x7f", "\t", "\ud800", "a\udfff", 5, b"a", None]
)
def test_a_name_that_is_no_segment_is_refused(name):
    """Dot segments, nothing, control characters and what is no text are a problem of event_name."""
    with pytest.raises(InvalidEventError, match=r"^event_name: ") as caught:
        named_event_path(name)

    assert len(caught.value.problems) == 1


@given(
    st.text(st.characters(codec=None, exclude_categories=()), max_size=20) | st.sampled_from(["%2e", "%2F..", ". ."])
)
def test_any_accepted_name_comes_back_out_of_its_segment(name):
    """A name is refused, or stands as one segment that decodes to exactly itself."""
    try:
        path = named_event_path(name)
    except InvalidEventError:
        return

    segment = path.removeprefix("/events/name/")
    assert unquote(segment, errors="strict") == name
    assert segment not in {"", ".", ".."}
    assert not set("/?#\\ ") & set(segment)
    assert segment.isascii()


@given(
    st.text(st.characters(codec=None, exclude_categories=()), max_size=30),
    st.sampled_from(["", "https://", "http://[", "https://api.sendpulse.com"]),
)
def test_any_text_is_a_target_or_a_configuration_error(text, prefix):
    """No text breaks the reader of URLs, and what it takes can stand in a request line as it is."""
    try:
        target = parse_event_url(prefix + text, {"proxy.example"})
    except ConfigurationError:
        return

    assert target.url.isascii()
    assert target.url.isprintable()
    assert not set(target.url) & set(" #")
