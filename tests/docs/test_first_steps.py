"""Who follows the tutorial, or the Portuguese quickstart, meets what the page says."""

from __future__ import annotations

import contextlib

import httpx
import pytest
import servers
from browse import ARGUMENTS
from playwright.sync_api import sync_playwright

from .walk import Walk


@pytest.fixture
def talkative():
    """What asks the sandbox here is a client of somebody else's."""
    return ("httpx", "httpcore", "asyncio")


@contextlib.contextmanager
def opened(address):
    """The sandbox's page in a browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=servers.find("chromium"), args=list(ARGUMENTS))
        page = browser.new_page()
        page.set_default_timeout(30_000)
        page.goto(address)
        yield page
        browser.close()


def put_into_play(page, preset):
    """Do what both pages say: choose a fault, and press the button."""
    page.get_by_role("link", name="Faults").click()
    page.get_by_role("button", name=preset, exact=True).click()
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_role("button", name="Put into play").click()


def taken(address):
    return len(httpx.get(f"{address}/_sandbox/events").json()["events"])


def test_the_tutorial_does_what_it_says(tmp_path):
    """Each command runs, each program says what the page shows, and each event is in the sandbox's page."""
    walk = Walk("docs/tutorial.md", tmp_path)
    with walk.sandbox() as printed, opened(walk.address) as page:
        assert printed == walk.said("sandbox")
        assert walk.run("shell") == walk.said("shell")
        assert walk.run("first") == walk.said("first")
        page.locator("#list a").nth(1).wait_for()
        assert walk.run("honest") == walk.said("honest")

        put_into_play(page, "429, wait 2 s")
        assert walk.run("honest") == walk.said("busy")

        put_into_play(page, "Reset")
        assert walk.run("honest") == walk.said("lost")
        assert taken(walk.address) == 5, "the one that was lost was taken all the same"


def test_the_portuguese_quickstart_does_what_it_says(tmp_path):
    """So does the page in Portuguese."""
    walk = Walk("docs/pt/inicio-rapido.md", tmp_path)
    with walk.sandbox(), opened(walk.address) as page:
        walk.run("shell")
        assert walk.run("first") == walk.said("first")

        put_into_play(page, "Reset")
        assert walk.run("first") == walk.said("lost")
        assert taken(walk.address) == 2
