"""The page for eyes, ears and hands of all kinds: axe-core finds nothing, 400 pixels are enough."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from sendpulse_async.sandbox import Fault

VIEWS = ["#requests", "#request=2", "#duplicates", "#faults", "#switches", "#setup", "?q=nothing"]


@pytest.fixture
def filled(sandbox, send, client):
    send("purchase", order_date="24/11/2026", note="x" * 300)
    client.post(sandbox.event_url, json={"a-rather-long-name-without-a-blank" * 3: 1})
    sandbox.add_fault(Fault(status=500, event="cart_abandoned"))
    send("cart_abandoned")
    send("cart_abandoned", email="a-very-long-address-for-a-narrow-window@subdomain.example.com")
    for _ in range(2):
        send("twice")
    sandbox.add_fault(Fault(status=429, retry_after=2, event="a-name-" * 20, times=None))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_no_violation(visit, filled, view, scheme):
    """Contrast, names, roles and landmarks, in both colour schemes."""
    page = visit(view, color_scheme=scheme, reduced_motion="reduce")
    if view == "#request=2":
        expect(page.locator("#detail-title")).to_be_visible()
    if view == "#switches":
        expect(page.get_by_role("listitem").filter(has_text="events_need_contact")).to_be_visible()

    found = Axe().run(page)

    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation_in_what_opens(visit, filled, scheme):
    """The dialogs and a narrow detail too."""
    page = visit("#request=2", color_scheme=scheme, viewport={"width": 400, "height": 800})
    expect(page.locator("#detail-title")).to_be_visible()
    assert (found := Axe().run(page)).violations_count == 0, found.generate_report()

    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert (found := Axe().run(page)).violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [400, 320])
@pytest.mark.parametrize("view", VIEWS)
def test_a_narrow_window_is_enough(visit, filled, view, width):
    """No view is wider than the window."""
    page = visit(view, viewport={"width": width, "height": 800})
    if view.startswith("#request="):
        expect(page.locator("#detail-title")).to_be_visible()
        expect(page.locator("#list")).to_be_hidden()

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.body.scrollWidth") <= width


def test_the_skip_link_leads_to_the_content(visit):
    """The first stop of the tab key, which leaves the address as it is."""
    page = visit("#faults")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#content")).to_be_focused()
    assert page.url.endswith("#faults")


def test_what_arrives_is_announced_by_its_count(visit, send):
    """One sentence for many events, so that a screen reader is not flooded."""
    page = visit()

    for _ in range(7):
        send()

    expect(page.locator("#announcer")).to_have_text("7 new events accepted, 0 refused", timeout=8_000)
