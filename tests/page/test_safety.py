"""What a stranger's event cannot do to the reader, and how the page's files are served."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import expect

MARKUP = '<img src=x onerror=alert(1)><script>alert(2)</script><svg onload="alert(3)">"\'&amp;${1}{{1}}'


def test_markup_in_an_event_stays_text(visit, client, sandbox):
    """In name, contact, variables, headers and search it is shown as it was sent, and makes no element."""
    path = (
        f"/events/name/{httpx.URL('http://x/').copy_with(path='/' + MARKUP).raw_path[1:].decode().replace('/', '%2F')}"
    )
    fields = {"email": MARKUP, "phone": MARKUP, MARKUP: MARKUP, "order_date": MARKUP}
    for _ in range(2):
        client.post(path, json=fields, headers={"X-Markup": MARKUP, "User-Agent": MARKUP})
    page = visit("#request=1")
    before = page.locator("img, script, svg").count()

    for name in ("Pretty", "As sent", "Bytes"):
        page.get_by_role("radio", name=name).check()
        expect(page.locator("#body")).to_contain_text("alert")
    expect(page.locator("#rows .c-event").first).to_have_text(MARKUP)
    expect(page.locator("#rows .c-contact").first).to_have_text(MARKUP)
    expect(page.locator(".headers")).to_contain_text(MARKUP)
    expect(page.locator("#facets")).to_contain_text(MARKUP)
    page.get_by_role("link", name="Duplicates").click()
    expect(page.locator("#duplicate-table")).to_contain_text(MARKUP)
    search = httpx.QueryParams(q='-nothing "<img"')
    page.goto(f"{sandbox.origin}/?{search}")
    expect(page.get_by_role("searchbox")).to_have_value(re.compile("<img"))
    expect(page.locator("#rows tr")).to_have_count(2)
    assert page.locator("img, script, svg").count() == before
    assert page.locator("[onerror], [onload]").count() == 0


def test_markup_in_a_fault_stays_text(visit, client):
    """Faults come from anywhere too."""
    client.post("/_sandbox/faults", json={"status": 500, "event": MARKUP, "email": MARKUP, "times": None})
    page = visit("#faults")

    expect(page.locator("#fault-list li")).to_contain_text(MARKUP)
    assert page.locator("#fault-list img, #faults script, #faults svg").count() == 0


def test_the_policy_lets_no_script_make_markup(visit):
    """Were text assigned to `innerHTML` one day, it would fail instead of running."""
    page = visit(expects=["policy: require-trusted-types-for", "TrustedHTML", "violates the following"])

    said = page.evaluate("() => { try { document.body.innerHTML = '<b>x</b>'; } catch (error) { return error.name; } }")

    assert said == "TypeError"


@pytest.mark.parametrize("path", ["/", "/_sandbox/page.js", "/_sandbox/page.css", "/_sandbox/icon.svg"])
def test_each_file_comes_with_its_guards(client, path):
    """Nothing from elsewhere, no inline code, no frame around it, no guessing of types."""
    answer = client.get(path, headers={"Accept": "text/html"})

    policy = answer.headers["content-security-policy"]
    assert answer.status_code == 200
    assert policy.startswith(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    )
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/_sandbox/page.js"])
def test_a_file_that_is_known_is_not_sent_again(client, path):
    """The browser asks each time, and hears that nothing changed."""
    first = client.get(path, headers={"Accept": "text/html"})

    again = client.get(path, headers={"Accept": "text/html", "If-None-Match": first.headers["etag"]})
    other = client.get(path, headers={"Accept": "text/html", "If-None-Match": '"other"'})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert other.status_code == 200


def test_the_page_asks_for_nothing_from_elsewhere(client):
    """No address but the sandbox's own, and no inline script or style."""
    page = client.get("/", headers={"Accept": "text/html"}).text

    assert "<style" not in page
    assert " style=" not in page
    assert re.search(r"\son\w+=", page) is None
    assert page.count("<script") == page.count('<script type="module" src="/_sandbox/page.js"></script>') == 1


def test_who_asks_for_no_html_gets_text(sandbox):
    """`curl` shows addresses, not markup."""
    answer = httpx.get(sandbox.origin, headers={"Accept": "*/*"}, trust_env=False)

    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["vary"] == "accept"


def test_the_host_in_the_page_is_escaped(client):
    """The page shows the name by which it was asked, as text."""
    page = client.get("/", headers={"Accept": "text/html", "Host": "localhost:1"}).text

    assert "SENDPULSE_BASE_URL=http://localhost:1<" in page
