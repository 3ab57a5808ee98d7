"""A connection that is lost comes back, and nothing that came meanwhile is missing."""

from __future__ import annotations

import httpx
from playwright.sync_api import expect

from sendpulse_async.sandbox import Sandbox

AWAY = ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE"]
BACK = 20_000
"""Milliseconds: a browser waits for some seconds before it tries again."""


def post(sandbox, **fields):
    return httpx.post(sandbox.event_url, json={"email": "ann@example.com", **fields}, trust_env=False)


def numbers(page):
    return page.locator("#rows .c-number").all_inner_texts()


def test_the_list_goes_on_after_a_lost_connection(visit, sandbox, client):
    """The same sandbox stopped and entered again: what came before the page was back is there, once."""
    page = visit(expects=AWAY)
    for total in range(3):
        post(sandbox, total=total)
    expect(page.locator("#rows tr")).to_have_count(3)

    sandbox.__exit__(None, None, None)
    expect(page.locator("#connection")).to_have_text("Reconnecting")
    sandbox.__enter__()
    for total in range(300):
        client.post(sandbox.event_url, json={"email": "ann@example.com", "total": total})
    expect(page.locator("#connection")).to_have_text("Live", timeout=BACK)
    post(sandbox, total=0)

    expect(page.locator("#rows .c-number").first).to_have_text("304")
    assert numbers(page) == [str(number) for number in range(304, 104, -1)]
    expect(page.locator("#accepted")).to_have_text("304")


def test_another_sandbox_in_its_place_is_shown_anew(visit, sandbox, port):
    """Its events alone, though their numbers are the same."""
    page = visit(expects=AWAY)
    for _ in range(2):
        post(sandbox)
    expect(page.locator("#rows tr")).to_have_count(2)

    sandbox.__exit__(None, None, None)
    with Sandbox(port=port) as other:
        post(other, phone="+380501234567", email=None)
        expect(page.locator("#rows tr")).to_have_count(1, timeout=BACK)
        expect(page.locator("#rows tr")).to_contain_text("+380501234567")
        post(other)
        expect(page.locator("#rows tr")).to_have_count(2)


def test_a_pause_outlasts_a_lost_connection(visit, sandbox):
    """What came meanwhile is still counted, and shown when the pause ends."""
    page = visit(expects=AWAY)
    post(sandbox)
    expect(page.locator("#rows tr")).to_have_count(1)
    page.keyboard.press("p")

    sandbox.__exit__(None, None, None)
    sandbox.__enter__()
    post(sandbox)

    expect(page.locator("#meanwhile")).to_contain_text("1 request came", timeout=BACK)
    page.keyboard.press("p")
    expect(page.locator("#rows tr")).to_have_count(2)
