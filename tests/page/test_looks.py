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


def find_nothing(page):
    """Run axe in both colour schemes."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(page)
        assert found.violations_count == 0, f"{scheme}: {found.generate_report()}"


@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_no_violation(visit, filled, view):
    """Contrast, names, roles and landmarks, in both colour schemes."""
    page = visit(view)
    if view == "#request=2":
        expect(page.locator("#detail-title")).to_be_visible()
    if view == "#switches":
        expect(page.get_by_role("listitem").filter(has_text="events_need_contact")).to_be_visible()

    find_nothing(page)


def test_axe_finds_no_violation_in_what_opens(visit, filled):
    """The dialogs and a narrow detail too."""
    page = visit("#request=2", viewport={"width": 400, "height": 800})
    expect(page.locator("#detail-title")).to_be_visible()
    find_nothing(page)

    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    find_nothing(page)


@pytest.mark.parametrize("view", VIEWS)
def test_a_narrow_window_is_enough(visit, filled, view):
    """No view is wider than the window, down to 320 pixels."""
    page = visit(view, viewport={"width": 400, "height": 800})
    if view.startswith("#request="):
        expect(page.locator("#detail-title")).to_be_visible()
        expect(page.locator("#list")).to_be_hidden()

    for width in (400, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.body.scrollWidth") <= width


def test_the_contact_is_there_at_any_width(visit, filled):
    """What is worth less makes room for whom an event was about, and a long name for its count."""
    page = visit()
    contact = page.locator("#rows .c-contact").first

    for width in (320, 400, 705, 768, 993, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert contact.bounding_box()["width"] > 90, width


def test_a_long_name_leaves_its_count_to_be_read(visit, send):
    """A chip is as wide as it may be; the name gives way."""
    send("a-name-" * 20)
    page = visit()
    chip = page.locator("#facets button").last

    name, count, edge = (box.bounding_box() for box in (chip.locator(".cut"), chip.locator(".count"), chip))

    assert name["x"] + name["width"] <= count["x"]
    assert count["x"] + count["width"] < edge["x"] + edge["width"]


def test_forced_colours_tell_what_is_chosen(visit, send):
    """Without the page's own grounds a switch, a view and a way to show the body still look chosen."""
    send()
    page = visit("#request=1", forced_colors="active")
    ground = "element => getComputedStyle(element).backgroundColor"

    choices = page.locator(".segments label")
    assert choices.nth(0).evaluate(ground) != choices.nth(1).evaluate(ground)
    page.get_by_role("link", name="Switches").click()
    switched = [page.locator(f"#switch-{name}") for name in ("events_need_contact", "refuse_duplicates")]
    assert switched[0].evaluate(ground) != switched[1].evaluate(ground)


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
    page.clock.install()
    page.reload()
    expect(page.locator("#connection")).to_have_text("Live")

    for _ in range(7):
        send()
    expect(page.locator("#rows tr")).to_have_count(7)
    page.clock.fast_forward(5000)

    expect(page.locator("#announcer")).to_have_text("7 new events accepted, 0 refused")
