"""Faults, tokens and switches by hand, as a real client meets them."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import expect

from sendpulse_async import Event, RawEventSender, RejectedError, RetryPolicy
from sendpulse_async.sandbox import Fault


def test_a_fault_by_hand_is_met_by_a_client(visit, sandbox, run_async):
    """Set in the page, it is played on the library's next event, and counted in the page."""
    page = visit("#faults")
    page.get_by_label("Status").fill("422")
    page.get_by_label("Body", exact=True).fill('{"message": "as told", "error_code": 422}')
    page.get_by_label("Where", exact=True).fill("var.total>10")
    page.get_by_label("Times").fill("1")
    page.get_by_role("button", name="Put into play").click()
    expect(page.locator("#fault-list li")).to_have_count(1)

    async def send(total):
        async with RawEventSender(sandbox.event_url, retry=RetryPolicy(max_attempts=1)) as sender:
            return await sender.send_event(Event(email="ann@example.com", variables={"total": total}))

    assert run_async(send, 5).status_code == 200
    with pytest.raises(RejectedError) as refused:
        run_async(send, 50)
    assert refused.value.message == "as told"
    expect(page.locator("#fault-list li")).to_contain_text("played 1, over")


def test_a_preset_fills_the_form(visit, client, sandbox):
    """The usual troubles are two clicks away."""
    page = visit("#faults")

    page.get_by_role("button", name="429, wait 2 s").click()
    page.get_by_role("button", name="Put into play").click()
    expect(page.locator("#fault-list li")).to_have_count(1)

    answer = client.post(sandbox.event_url, json={"email": "a@b.c"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")


def test_headers_by_hand_are_met_by_a_client(visit, client, sandbox):
    """One a line, as on the wire; a text may hold colons, a name may come twice. Once, unless told otherwise."""
    page = visit("#faults")

    page.get_by_label("Headers").fill("X-Trace: a:b\n\nVia: one\nVia: two")
    page.get_by_role("button", name="Put into play").click()
    expect(page.locator("#fault-list li")).to_contain_text("with X-Trace, Via, Via")

    first, second = (client.post(sandbox.event_url, json={"email": "a@b.c"}).headers for _ in range(2))
    assert (first["x-trace"], first["via"]) == ("a:b", "one, two")
    assert "x-trace" not in second


@pytest.mark.parametrize(
    ("label", "text", "reason"),
    [("Status", "99", "status must be a whole number"), ("Headers", "no header: \u2713", "headers must be pairs")],
)
def test_a_wrong_field_of_a_fault_is_named_and_focused(visit, sandbox, label, text, reason):
    """The sandbox's own words, at the field that they are about."""
    page = visit("#faults", expects=["422"])

    page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Put into play").click()

    expect(page.get_by_role("alert")).to_contain_text(reason)
    expect(page.get_by_label(label)).to_be_focused()
    expect(page.get_by_label(label)).to_have_attribute("aria-invalid", "true")
    assert sandbox.faults == ()


def test_faults_from_anywhere_are_listed_and_taken_out(visit, sandbox):
    """Those that a program put into play are there too; one goes alone, or all."""
    page = visit("#faults")
    for status in (500, 502, 503):
        sandbox.add_fault(Fault(status=status))
    expect(page.locator("#fault-list li")).to_have_count(3)
    expect(page.locator("#fault-count")).to_have_text("3")

    page.get_by_role("button", name="Take out of play: 502").click()
    expect(page.locator("#fault-list li")).to_have_count(2)
    assert [fault.status for fault in sandbox.faults] == [500, 503]
    page.get_by_role("button", name="Take all out of play").click()
    expect(page.locator("#fault-list li")).to_have_count(0)
    assert sandbox.faults == ()


def test_tokens_are_revoked_by_hand(visit, sandbox, client):
    """A token that opened the door opens it no more."""
    credentials = {
        "grant_type": "client_credentials",
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
    }
    token = client.post("/oauth/access_token", json=credentials).json()["access_token"]
    headers = {"authorization": f"Bearer {token}"}
    page = visit("#faults")
    assert client.post("/events/name/a", json={"email": "a@b.c"}, headers=headers).status_code == 200

    page.get_by_role("button", name="Revoke all tokens").click()
    expect(page.locator("#toast")).to_contain_text("No token opens any more")

    assert client.post("/events/name/a", json={"email": "a@b.c"}, headers=headers).status_code == 401


def test_each_switch_is_there_with_its_certainty(visit):
    """Sure, likely or a guess: each says so, and what it is by default."""
    page = visit("#switches")

    row = page.get_by_role("listitem").filter(has_text="events_need_contact")
    expect(row).to_contain_text("a guess")
    expect(row).to_contain_text("default on")
    expect(row.get_by_role("switch")).to_be_checked()


def test_a_switch_by_hand_is_met_by_a_client(visit, client, sandbox):
    """Turned off, an event without a contact is taken."""
    page = visit("#switches")
    switch = page.get_by_role("listitem").filter(has_text="events_need_contact").get_by_role("switch")
    assert client.post(sandbox.event_url, json={"total": 1}).status_code == 400

    switch.uncheck()
    expect(page.locator("#toast")).to_contain_text("Switched")

    assert client.post(sandbox.event_url, json={"total": 1}).status_code == 200


def test_a_switch_stays_where_it_was_put(visit, sandbox):
    """The answer to the change says what is in force; nothing needs to be asked again."""
    page = visit("#switches", expects=["ERR_FAILED"])
    switch = page.get_by_role("listitem").filter(has_text="events_need_contact").get_by_role("switch")
    expect(switch).to_be_checked()
    page.route(
        "**/_sandbox/switches", lambda route: route.abort() if route.request.method == "GET" else route.fallback()
    )

    switch.uncheck()

    expect(page.locator("#toast")).to_contain_text("Switched")
    expect(switch).not_to_be_checked()
    expect(page.locator("#switch-list .is-changed")).to_have_count(1)
    assert not sandbox.switches.events_need_contact


def test_a_switch_that_is_refused_goes_back(visit):
    """The reason is shown, and the field shows what is in force."""
    page = visit("#switches", expects=["422"])
    field = page.get_by_role("listitem").filter(has_text="token_lifetime").get_by_role("textbox")

    field.fill("soon")
    field.press("Enter")

    expect(page.locator("#toast")).to_contain_text("token_lifetime")
    expect(field).to_have_value("3600")


def test_the_limiter_is_a_button_away(visit, client, sandbox):
    """Ten a second and not one more, until it is switched off again."""
    page = visit("#switches")
    page.get_by_role("button", name=re.compile("^Limit as SendPulse does")).click()
    limit = page.get_by_role("listitem").filter(has_text="requests_per_second").get_by_role("textbox")
    expect(limit).to_have_value("10")

    with httpx.Client(trust_env=False) as quick:
        statuses = [quick.post(sandbox.event_url, json={"email": "a@b.c"}).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    page.get_by_role("button", name="No limit").click()
    expect(limit).to_have_value("")
    assert client.post(sandbox.event_url, json={"email": "a@b.c"}).status_code == 200


def test_known_events_are_written_with_commas(visit, send):
    """Only these exist then."""
    page = visit("#switches")
    field = page.get_by_role("listitem").filter(has_text="known_events").get_by_role("textbox")

    field.fill("purchase, registration")
    field.press("Enter")
    expect(page.locator("#toast")).to_contain_text("Switched")

    assert [send(event).status_code for event in ("purchase", "other")] == [200, 400]
