"""The page under load: live within a second, and never a document that grows."""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

# Tells when a row with this text is painted, by the clock that this machine's programs share.
AWAIT_ROW = """
(text) => {
  window.awaited = new Promise((resolve) => {
    const look = () => document.getElementById("rows").textContent.includes(text)
      ? resolve(Date.now() / 1000) : requestAnimationFrame(look);
    look();
  });
}
"""
HEADERS = {"content-type": "application/json"}


class Source(threading.Thread):
    """Posts events over one connection: so many a second, or as fast as they go."""

    def __init__(self, sandbox, *, rate=None, most=None) -> None:
        super().__init__(daemon=True)
        self._url = urlsplit(sandbox.event_url)
        self._rate, self._most = rate, most
        self._ends = threading.Event()
        self.sent = 0
        self.seconds = 0.0

    def run(self):
        began = time.monotonic()
        connection = http.client.HTTPConnection(self._url.netloc)
        while not self._ends.is_set() and self.sent != self._most:
            body = json.dumps({"email": f"{self.sent}@example.com", "total": self.sent})
            connection.request("POST", self._url.path, body, HEADERS)
            answer = connection.getresponse()
            assert answer.status == 200
            answer.read()
            self.sent += 1
            if self._rate:
                self._ends.wait(began + self.sent / self._rate - time.monotonic())
        self.seconds = time.monotonic() - began
        connection.close()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._ends.set()
        self.join(30)


def report(capsys, figures):
    with capsys.disabled():
        sys.stdout.write(f"\n{figures}\n")


def test_an_event_appears_within_a_second_while_200_a_second_come(visit, sandbox, send, capsys):
    """Measured from just before it is sent until the frame in which it stands in the list."""
    page = visit()
    delays = []

    with Source(sandbox, rate=200) as source:
        expect(page.locator("#rows tr")).to_have_count(200)
        for number in range(10):
            began = time.time()
            page.evaluate(AWAIT_ROW, f"marker-{number}@")
            send("marker", email=f"marker-{number}@example.com")
            delays.append(page.evaluate("window.awaited") - began)

    rate = source.sent / source.seconds
    median, most = (f"{seconds * 1000:.0f} ms" for seconds in (statistics.median(delays), max(delays)))
    report(capsys, f"live: {median} until an event is shown, at most {most}, at {rate:.0f} a second")
    assert rate > 150
    assert max(delays) < 1.0


@pytest.mark.timeout(180)
def test_the_page_answers_while_events_flood_in(visit, sandbox, capsys):
    """More events than are kept, as fast as they go: the document stays small, keys work, and the last one is there."""
    most = 12_000
    page = visit()

    with Source(sandbox, most=most) as source:
        expect(page.locator("#rows tr")).to_have_count(200)
        began = time.monotonic()
        page.keyboard.press("p")
        expect(page.locator("#connection")).to_have_text("Paused")
        answered = time.monotonic() - began
        page.keyboard.press("p")
        source.join(150)
    assert sandbox.accepted_count == source.sent == most

    expect(page.locator("#accepted")).to_have_text("12,000", timeout=30_000)
    expect(page.locator("#rows tr").first).to_contain_text(f"{most - 1}@example.com")
    assert page.locator("#rows tr").count() == 200
    report(capsys, f"flood: {most / source.seconds:.0f} a second; a key has its effect after {answered * 1000:.0f} ms")
    assert answered < 5
