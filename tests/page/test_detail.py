"""One request: all of it, as it was sent, and ways to send it again."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect

RAW = b'{"total": 12345678901234567890, "email": "ann@example.com", "list": [1, {}], "a": "x:{y"}'


@pytest.fixture
def sent(client, sandbox):
    client.post(sandbox.event_url, content=RAW, headers={"Content-Type": "application/json", "X-Trace": "42"})


def test_the_body_is_pretty_and_true(visit, sent):
    """Laid out by lines; no long number is rounded, no key moved."""
    page = visit("#request=1")

    expect(page.locator("#body")).to_have_text(
        '{\n  "total": 12345678901234567890,\n  "email": "ann@example.com",\n'
        '  "list": [\n    1,\n    {}\n  ],\n  "a": "x:{y"\n}',
        use_inner_text=True,
    )


def test_the_body_is_there_as_sent_and_as_bytes(visit, sent):
    """Each way of looking is one choice away."""
    page = visit("#request=1")

    page.get_by_role("radio", name="As sent").check()
    expect(page.locator("#body")).to_have_text(RAW.decode())
    page.get_by_role("radio", name="Bytes").check()
    expect(page.locator("#body")).to_contain_text("000000  7b 22 74 6f 74 61 6c 22")
    expect(page.locator("#body")).to_contain_text('{"total": 123456')


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"email": "a@b.c", "x": 1e400}', "1e400"),
        (b'{"email": "a@b.c", "x": "\\ud800"}', r'"\ud800"'),
        (b'{"email": "a@b.c", "x": ' + b"[" * 500 + b"]" * 500 + b"}", "[]"),
        (b'{"email": "a@b.c", "x": [' + b"1," * 100_000 + b"1]}", "characters more"),
        (b'{"email": "a@b.c", "x": "' + b"y" * 100_000 + b'"}', "characters more"),
    ],
    ids=["huge number", "lone surrogate", "deep", "many numbers", "long text"],
)
def test_odd_bodies_are_shown(visit, client, sandbox, body, shown):
    """Whatever was accepted is laid out, up to a bound."""
    assert client.post(sandbox.event_url, content=body).status_code == 200
    page = visit("#request=1")

    expect(page.locator("#body")).to_contain_text(shown)
    assert page.locator("#body *").count() < 100_000


def test_a_form_is_shown_as_the_object_that_it_spells(visit, client, sandbox):
    """Brackets become nested values."""
    client.post(sandbox.event_url, data={"email": "ann@example.com", "products[0][name]": "tea"})
    page = visit("#request=1")

    shown = json.loads(page.locator("#body").inner_text())

    assert shown == {"email": "ann@example.com", "products": [{"name": "tea"}]}


def test_bytes_that_are_no_text_are_shown(visit, client, sandbox):
    """Whatever was sent, the page can show it."""
    client.post(sandbox.event_url, content=b"\xff\x00<")
    page = visit("#request=1")

    page.get_by_role("radio", name="Bytes").check()

    expect(page.locator("#body")).to_contain_text("ff 00 3c")


def test_headers_are_shown_and_the_authorisation_masked(visit, sent, sandbox, send):
    """The names and values as they came, but for the secret."""
    page = visit("#request=1")
    expect(page.get_by_role("row", name="x-trace 42")).to_be_visible()

    send()
    page.locator("#rows a").filter(has_text="2").click()

    expect(page.locator("#detail-title")).to_have_text("2 · purchase")
    expect(page.locator(".headers")).to_contain_text("authorization")
    assert sandbox.api_key not in page.locator("#detail").inner_text()


def test_findings_say_what_is_odd(visit, client, sandbox):
    """A missing contact and a date in another format are named."""
    client.post(sandbox.event_url, json={"order_date": "24/11/2026"})
    page = visit("#request=1")

    findings = page.locator(".findings li")

    expect(findings.filter(has_text="order_date")).to_have_count(1)
    assert findings.count() >= 2


def test_a_request_is_copied_as_a_command(visit, sent):
    """What lies in the clipboard is what the sandbox gave."""
    page = visit("#request=1", permissions=["clipboard-read", "clipboard-write"])

    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("status").filter(has_text="Copied as curl")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("curl ")
    page.get_by_role("button", name="Copy as Python").click()
    expect(page.get_by_role("status").filter(has_text="Copied as Python")).to_be_visible()
    assert "import" in page.evaluate("navigator.clipboard.readText()")


def test_a_request_comes_in_again(visit, sent, sandbox):
    """Replayed, it stands in the ledger twice, and each one leads to the other."""
    page = visit("#request=1")

    page.get_by_role("button", name="Replay").last.click()

    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.locator("#toast")).to_contain_text("Replayed 1 request: 1 accepted")
    assert sandbox.events[1].body == RAW
    page.locator("#rows a").first.click()
    page.locator("#detail").get_by_role("link", name="1", exact=True).click()
    expect(page.locator("#detail-title")).to_have_text("1 · raw")


def test_what_matches_comes_in_again(visit, send, sandbox):
    """Replay asks first, and takes what the search finds alone."""
    send("purchase")
    send("registration")
    page = visit("?q=event:purchase")

    page.get_by_role("button", name="Replay").click()
    page.get_by_role("dialog").get_by_role("button", name="Replay").click()

    expect(page.locator("#rows tr")).to_have_count(2)
    assert [event.event for event in sandbox.events] == ["purchase", "registration", "purchase"]


@pytest.mark.parametrize("link", ["Export", "Payloads"])
def test_what_matches_is_exported_as_lines_of_json(visit, send, link):
    """A file for other programs; the search counts here too."""
    send("purchase", total=1)
    send("registration", total=2)
    page = visit("?q=event:purchase")
    expect(page.locator("#rows tr")).to_have_count(1)

    with page.expect_download() as download:
        page.get_by_role("link", name=link).click()

    (line,) = download.value.path().read_text().splitlines()
    assert download.value.suggested_filename.endswith(".jsonl")
    wanted = {"email": "ann@example.com", "total": 1}
    assert json.loads(line) == wanted if link == "Payloads" else json.loads(line)["event"] == "purchase"


def test_duplicates_have_a_view_of_their_own(visit, send):
    """The same event more than once, with how often and where."""
    send(total=1)
    send(total=2)
    send(total=1)
    page = visit("#duplicates")

    row = page.get_by_role("row", name="2 purchase ann@example.com 1 3")
    expect(row).to_be_visible()
    send(total=1)
    expect(page.get_by_role("row", name="3 purchase ann@example.com 1 3 4")).to_be_visible()


def test_a_request_that_is_not_kept_is_said_to_be_gone(visit):
    """An old link does not lead to an empty pane."""
    page = visit("#request=77", expects=["404"])

    expect(page.locator("#detail")).to_contain_text("77")
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
