"""Take the documentation's pictures of the page: `PYTHONPATH=.:tests python -m page.screenshots`.

With a folder as its argument it leaves all views there, light and dark, wide and narrow, to be looked at.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Final

import httpx
from playwright.sync_api import sync_playwright

from sendpulse_async.sandbox import Fault, Sandbox

from .browser import launch

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
PEOPLE: Final = ("ann", "boris", "chloe", "dmytro", "eva", "farid", "greta", "hugo", "iryna", "jonas")
ORDER: Final = {
    "email": "iryna@example.com",
    "phone": "+380501234567",
    "order_id": 20931,
    "total": 48.5,
    "currency": "EUR",
    "order_date": "24/11/2026",
    "products": [
        {"name": "Sencha, 100 g", "price": 18.5, "quantity": 2},
        {"name": "Tea strainer", "price": 11.5, "quantity": 1},
    ],
    "is_gift": False,
}


def fill(sandbox):
    """Send what a shop would, with some mistakes, and leave faults in play."""
    with httpx.Client(
        base_url=sandbox.origin,
        trust_env=False,
        headers={"authorization": f"Bearer {sandbox.api_key}", "user-agent": "shop/2.4 httpx/0.28"},
    ) as client:
        for number in range(60):
            _send_one(client, sandbox, number)
            # As a shop does, now more and now fewer, so that the throughput has something to show.
            time.sleep(0.05 + 0.3 * math.sin(number / 9) ** 2)
        sandbox.add_fault(Fault(status=500, event="cart_abandoned"))
        client.post("/events/name/cart_abandoned", json={"email": "farid@example.com", "total": 71})
        client.post("/events/name/purchase", json=ORDER)
    sandbox.add_fault(Fault(status=429, retry_after=2, times=3, event="purchase"))
    sandbox.add_fault(Fault(drop="hang", email="greta@example.com", times=None))
    sandbox.add_fault(Fault(delay=1.5, door="raw", times=20))


def _send_one(client, sandbox, number):
    email = f"{PEOPLE[number % 10]}@example.com"
    if number % 11 == 5:
        client.post(sandbox.event_url, json={"name": "Nobody", "total": 12})
    elif number % 13 == 4:
        client.post("/events/name/purchase", content=b'{"email": "ann@example.com", "total": 12')
    elif number % 4 == 3:
        client.post(sandbox.event_url, json={"email": email, "product": "green tea", "page": "/tea/sencha"})
    elif number % 3 == 1:
        client.post("/events/name/registration", data={"email": email, "name": email.partition("@")[0].title()})
    else:
        client.post(
            "/events/name/purchase", json={**ORDER, "email": email, "order_date": "2026-11-24", "order_id": number}
        )


def take(page, name, folder, *, scheme="light", size=(1280, 800)):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.screenshot(path=folder / f"{name}.png", animations="disabled")


def visit(page, origin, fragment, wait_for):
    page.goto("about:blank")
    page.goto(f"{origin}/{fragment}")
    page.locator(wait_for).first.wait_for()
    page.locator("#connection[data-state=live]").wait_for()


VIEWS: Final = {
    "list": ("", "#rows tr"),
    "detail": ("#request={newest}", "#detail h2"),
    "faults": ("#faults", "#fault-list li"),
    "switches": ("#switches", "#switch-list li"),
    "duplicates": ("#duplicates", "#duplicate-table td"),
    "setup": ("#setup", "#setup-text pre"),
}
DOCUMENTED: Final = {"list": "dark", "detail": "light", "faults": "light"}


def main(folder=None):
    with Sandbox() as sandbox, sync_playwright() as playwright:
        fill(sandbox)
        page = launch(playwright, "/usr/bin/chromium").new_page()
        for view, (fragment, wait_for) in VIEWS.items():
            visit(page, sandbox.origin, fragment.format(newest=sandbox.events[-1].sequence), wait_for)
            if folder is None:
                if view in DOCUMENTED:
                    take(page, f"sandbox-{view}", IMAGES, scheme=DOCUMENTED[view])
                continue
            for scheme in ("light", "dark"):
                take(page, f"{view}-{scheme}", folder, scheme=scheme)
                take(page, f"{view}-{scheme}-400", folder, scheme=scheme, size=(400, 800))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
