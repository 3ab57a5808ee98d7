"""The list: live, newest first, searched, paused, walked through by keys."""

from __future__ import annotations

import re

from playwright.sync_api import expect


def numbers(page):
    return page.locator("#rows .c-number").all_inner_texts()


def test_what_arrives_appears_by_itself_newest_first(visit, send):
    """Nobody reloads anything."""
    page = visit()

    send("registration", email="boris@example.com")
    send("purchase")

    expect(page.locator("#rows tr")).to_have_count(2)
    assert numbers(page) == ["2", "1"]
    expect(page.locator("#rows tr").last).to_contain_text("registration")
    expect(page.locator("#rows tr").last).to_contain_text("boris@example.com")


def test_accepted_and_refused_differ_by_sign_and_by_word(visit, send, client, sandbox):
    """Colour is not needed, neither by eyes nor by ears."""
    page = visit()

    send()
    client.post(sandbox.event_url, json={"total": 1})

    signs = page.locator("#rows .sign")
    expect(signs).to_have_text(["✕", "✓"])
    expect(page.get_by_role("link", name="2, refused with code 8, raw, no contact", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="1, accepted, purchase, ann@example.com", exact=True)).to_be_visible()


def test_an_empty_list_says_how_to_fill_it(visit, sandbox, send):
    """The variables are there to copy, until the first event comes."""
    page = visit()

    expect(page.get_by_text("Point your program here")).to_be_visible()
    for name, value in sandbox.environment().items():
        expect(page.locator("#env")).to_contain_text(f"{name}={value}")
    send()
    expect(page.get_by_text("Point your program here")).to_be_hidden()
    expect(page.locator("#rows tr")).to_have_count(1)


def test_a_search_narrows_what_is_there_and_what_comes(visit, send):
    """The stream obeys the same search as the list."""
    page = visit()
    send("purchase", total=5)
    send("purchase", total=50)
    send("registration")
    expect(page.locator("#rows tr")).to_have_count(3)

    page.get_by_role("searchbox").fill("event:purchase var.total>10")

    expect(page.locator("#rows tr")).to_have_count(1)
    assert numbers(page) == ["2"]
    send("purchase", total=7)
    send("purchase", total=70)
    expect(page.locator("#rows tr")).to_have_count(2)
    assert numbers(page) == ["5", "2"]


def test_a_wrong_search_says_why(visit, send):
    """The reason stands beside the box, and the list stays until the search is right."""
    page = visit(expects=["422"])
    send()
    box = page.get_by_role("searchbox")

    box.fill("colour:red")

    expect(page.locator("#query-error")).to_contain_text("colour")
    expect(page.locator("#query-error")).to_contain_text("email")
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(box).to_have_accessible_description(re.compile("colour"))
    box.fill("email:ann")
    expect(page.locator("#query-error")).to_be_empty()
    expect(page.locator("#rows tr")).to_have_count(1)


def test_a_search_is_in_the_address(visit, send):
    """It can be shared and reloaded."""
    for event in ("purchase", "registration"):
        send(event)
    page = visit("?q=event:purchase")

    expect(page.get_by_role("searchbox")).to_have_value("event:purchase")
    expect(page.locator("#rows tr")).to_have_count(1)
    page.get_by_role("searchbox").fill("event:registration")
    expect(page).to_have_url(re.compile(r"\?q=event%3Aregistration"))
    page.reload()
    expect(page.locator("#rows tr")).to_have_count(1)
    assert numbers(page) == ["2"]


def test_a_pause_holds_the_list_and_counts(visit, send):
    """What came meanwhile is counted, and all of it is there when the pause ends."""
    page = visit()
    send()
    expect(page.locator("#rows tr")).to_have_count(1)

    page.keyboard.press("p")
    for _ in range(3):
        send()

    expect(page.locator("#meanwhile")).to_contain_text("3 requests came meanwhile")
    expect(page.locator("#connection")).to_have_text("Paused")
    assert numbers(page) == ["1"]
    page.keyboard.press("p")
    expect(page.locator("#rows tr")).to_have_count(4)
    assert numbers(page) == ["4", "3", "2", "1"]


def test_older_requests_are_a_button_away(visit, send):
    """The document holds 200 rows; the older ones come on request, without a gap."""
    for _ in range(205):
        send()
    page = visit()
    expect(page.locator("#rows tr")).to_have_count(200)

    page.get_by_role("button", name="Older requests").click()

    expect(page.locator("#rows tr")).to_have_count(205)
    assert numbers(page) == [str(number) for number in range(205, 0, -1)]
    page.get_by_role("button", name="Show the newest").click()
    expect(page.locator("#rows tr")).to_have_count(200)


def test_the_newest_are_back_after_a_long_way_down(visit, sandbox, client):
    """The document holds 1,000 rows at most, so the older ones push the newest out; these come back on request."""
    for _ in range(1205):
        client.post(sandbox.event_url, json={"email": "ann@example.com"})
    page = visit()
    for oldest in (806, 606, 406, 206, 6, 1):
        page.get_by_role("button", name="Older requests").click()
        expect(page.locator("#rows .c-number").last).to_have_text(str(oldest))
    expect(page.locator("#rows tr")).to_have_count(1000)

    page.get_by_role("button", name="Show the newest").click()

    expect(page.locator("#rows .c-number").first).to_have_text("1205")
    expect(page.locator("#rows tr")).to_have_count(200)


def test_keys_walk_through_the_list(visit, send):
    """j and k go down and up, Enter opens, Escape closes and leads back."""
    for _ in range(3):
        send()
    page = visit()
    expect(page.locator("#rows tr")).to_have_count(3)

    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name=re.compile("^2,"))).to_be_focused()
    page.keyboard.press("k")
    expect(page.get_by_role("link", name=re.compile("^3,"))).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#detail-title")).to_be_focused()
    expect(page.locator("#detail-title")).to_have_text("3 · purchase")
    page.keyboard.press("j")
    expect(page.locator("#detail-title")).to_have_text("2 · purchase")
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).to_be_hidden()
    expect(page.get_by_role("link", name=re.compile("^2,"))).to_be_focused()


def test_keys_walk_from_request_to_request_in_a_narrow_window(visit, send):
    """Where the open request has taken the list's place, as at 200 % zoom, j and k lead on all the same."""
    for _ in range(2):
        send()
    page = visit("?q=event:purchase#request=2", viewport={"width": 640, "height": 400})
    expect(page.locator("#detail-title")).to_have_text("2 · purchase")

    page.keyboard.press("j")
    expect(page.locator("#detail-title")).to_have_text("1 · purchase")
    expect(page).to_have_url(re.compile(r"\?q=event:purchase#request=1$"))
    page.keyboard.press("k")
    expect(page.locator("#detail-title")).to_have_text("2 · purchase")


def test_a_browser_that_keeps_nothing_shows_the_page(browser, sandbox):
    """Where storage is forbidden even its name throws; single keys are on then."""
    page = browser.new_page()
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('no storage'); } })")
    page.goto(sandbox.origin)
    expect(page.locator("#connection")).to_have_text("Live")

    page.keyboard.press("p")
    expect(page.locator("#connection")).to_have_text("Paused")
    page.keyboard.press("?")
    page.get_by_role("checkbox", name="Single keys do something").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    expect(page.locator("#connection")).to_have_text("Paused")
    page.close()


def test_keys_do_nothing_where_one_types_or_wants_none(visit, send):
    """A letter in the search box is a letter, and single keys can be switched off for good."""
    page = visit()

    page.keyboard.press("/")
    page.keyboard.type("pj?k")
    expect(page.get_by_role("searchbox")).to_have_value("pj?k")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.get_by_role("checkbox", name="Single keys do something").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    page.reload()
    page.keyboard.press("p")
    expect(page.locator("#connection")).to_have_text("Live")


def test_chips_narrow_down_by_event_and_by_answer(visit, send, client, sandbox):
    """One click shows the refused ones alone, another takes that back."""
    send()
    client.post(sandbox.event_url, json={})
    page = visit()

    page.get_by_role("button", name="400 1", exact=True).click()
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.get_by_role("searchbox")).to_have_value("status:400")
    page.get_by_role("button", name="400 1", exact=True).click()
    expect(page.locator("#rows tr")).to_have_count(2)


def test_clearing_asks_first(visit, send, sandbox):
    """Cancel keeps everything; yes empties ledger and list."""
    send()
    page = visit()

    page.get_by_role("button", name="Clear").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#rows tr")).to_have_count(1)
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("dialog").get_by_role("button", name="Clear").click()
    expect(page.locator("#rows tr")).to_have_count(0)
    assert sandbox.events == ()


def test_figures_follow(visit, send, client, sandbox):
    """Counts and the last minute's throughput, the latter in words too."""
    page = visit()

    for _ in range(5):
        send()
    client.post(sandbox.event_url, json={})

    expect(page.locator("#accepted")).to_have_text("5")
    expect(page.locator("#refused")).to_have_text("1")
    expect(page.get_by_role("img", name=re.compile("last 60 seconds: now"))).to_be_visible()
