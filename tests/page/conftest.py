"""A real browser on a real sandbox; each page is watched for errors, for breaches of its policy and for strangers."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import anyio
import httpx
import pytest
import servers
from playwright.sync_api import sync_playwright

from sendpulse_async.sandbox import Sandbox

from .browser import launch

REPORT_BREACHES = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


@pytest.fixture
def talkative():
    """What talks to the sandbox here is a client of somebody else's."""
    return ("httpx", "httpcore", "asyncio")


# Of this package alone: Playwright keeps an event loop running in the thread of the tests, and those of others want
# loops of their own there.
@pytest.fixture(scope="package")
def browser():
    program = servers.find("chromium")
    with sync_playwright() as playwright:
        running = launch(playwright, program)
        yield running
        running.close()


@pytest.fixture
def port():
    return servers.free_port()


@pytest.fixture
def sandbox(port):
    with Sandbox(port=port) as running:
        yield running


@pytest.fixture
def client(sandbox):
    headers = {"authorization": f"Bearer {sandbox.api_key}"}
    with httpx.Client(base_url=sandbox.origin, headers=headers, trust_env=False) as plain:
        yield plain


@pytest.fixture
def send(client):
    """Return a function that sends an event by its name."""

    def post(event="purchase", **fields):
        return client.post(f"/events/name/{event}", json={"email": "ann@example.com", **fields})

    return post


@pytest.fixture
def visit(browser, sandbox):
    """Return a function that opens the page; at the end nothing must have gone wrong in it but what was `expected`."""
    troubles, expected = [], []
    with contextlib.ExitStack() as stack:

        def open_page(address="", *, until="#connection[data-state=live]", expects=(), **options):
            expected.extend(expects)
            context = stack.enter_context(contextlib.closing(browser.new_context(**options)))
            context.set_default_timeout(15_000)
            context.add_init_script(REPORT_BREACHES)
            page = context.new_page()
            _watch(page, sandbox.origin, troubles)
            page.goto(f"{sandbox.origin}/{address}")
            page.locator(until).wait_for()
            return page

        yield open_page
    assert [trouble for trouble in troubles if not any(known in trouble for known in expected)] == []


def _watch(page, origin, troubles):
    def on_console(message):
        if message.type in ("error", "warning"):
            troubles.append(f"console: {message.text}")

    def on_dialog(dialog):
        troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def on_request(request):
        if not request.url.startswith((origin, "blob:", "data:")):
            troubles.append(f"request to {request.url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
    page.on("dialog", on_dialog)
    page.on("request", on_request)


@pytest.fixture
def run_async():
    """Return a function that runs a coroutine function in a thread, since this one's event loop is Playwright's."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda work, *arguments: pool.submit(anyio.run, work, *arguments).result(60)
