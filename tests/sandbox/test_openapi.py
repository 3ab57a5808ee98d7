"""The document of the test API: it says what the sandbox does, no more and no less."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.routing import Route

from sendpulse_async.sandbox import Sandbox, _api
from sendpulse_async.sandbox._app import App, _WrongMethod
from sendpulse_async.sandbox._guard import Guard
from sendpulse_async.sandbox._state import State
from sendpulse_async.sandbox._switches import SWITCH_NAMES, Switches

FILE = Path(_api.__file__).with_name("openapi.json")
DOCUMENT = json.loads(FILE.read_text())
FAULTS = "/_sandbox/faults"
REPLAY = "/_sandbox/replay"
WAIT = "/_sandbox/wait"
STREAM = "/_sandbox/stream"
NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
schema = schemathesis.openapi.from_dict(DOCUMENT)
# The same cases in each run; a stream has no end, so it is looked at by itself.
repeatable = settings(
    derandomize=True, database=None, deadline=None, max_examples=25, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def talkative():
    """What talks to the sandbox here is a client of somebody else's."""
    return ("httpx", "urllib3", "schemathesis", "asyncio")


@pytest.fixture(scope="module")
def filled():
    """A sandbox with an event, a refused request and a fault that lasts."""
    with Sandbox() as sandbox, httpx.Client(trust_env=False) as client:
        client.post(sandbox.event_url, json={"email": "a@b.c", "total": 12})
        client.post(sandbox.event_url, json={})
        yield sandbox


@pytest.fixture(scope="module")
def session():
    with requests.Session() as plain:
        plain.trust_env = False
        yield plain


@schemathesis.serializer("application/x-ndjson")
def as_lines(_, value):
    """Send lines as they are."""
    return {"data": value if isinstance(value, bytes) else str(value).encode()}


def sensible(case):
    """Give a query that says something, replay one request and not all of them, and wait for no time."""
    if case.path == REPLAY and isinstance(case.body, dict) and isinstance(case.body.get("q"), str):
        case.body["q"] = "sequence=1"
    query = case.query if isinstance(case.query, dict) else {}
    is_positive = case.meta.generation.mode.is_positive
    if "q" in query and is_positive:
        query["q"] = "email:a total"
    seconds = str(query.get("timeout", 0))
    if case.path == WAIT and (is_positive or (NUMBER.fullmatch(seconds) and float(seconds) <= 60)):
        query["timeout"] = 0
        case.query = query


@schema.exclude(path=STREAM).parametrize()
@repeatable
def test_answers_are_as_documented(case, filled, session):
    """Statuses, content types and bodies are those of the document; wrong requests are refused, right ones taken."""
    sensible(case)
    # Which fields of a fault exclude each other, and which requests are kept, no schema can say.
    excluded = [positive_data_acceptance] if case.method == "POST" and case.path in (FAULTS, REPLAY) else []
    case.call_and_validate(base_url=filled.origin, session=session, timeout=10, excluded_checks=excluded)


def test_the_stream_is_as_documented(filled):
    """It begins as its description says, and a wrong query is refused as everywhere."""
    (content_type,) = DOCUMENT["paths"][STREAM]["get"]["responses"]["200"]["content"]

    with httpx.stream("GET", f"{filled.origin}{STREAM}", trust_env=False) as answer:
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, content_type)
    assert httpx.get(f"{filled.origin}{STREAM}?after=x", trust_env=False).status_code == 422


def test_every_route_is_in_the_document_and_nothing_else():
    """A route of the test API that is not described, or one described that is not there, is a mistake."""
    routes = App(State(Switches()), Guard())._router.routes
    there = {
        (route.path, method.lower())
        for route in routes
        if isinstance(route, Route)
        and route.path.startswith("/_sandbox/")
        and route.include_in_schema  # the page's files are not
        and not isinstance(route.endpoint, _WrongMethod)
        for method in route.methods - {"HEAD"}
    }
    described = {
        (path, method)
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
        if method != "parameters"
    }

    assert described == there


def test_every_switch_is_in_the_document():
    """A new switch is described too."""
    assert tuple(DOCUMENT["components"]["schemas"]["SwitchValues"]["properties"]) == SWITCH_NAMES


def test_the_document_is_served(sandbox, client):
    """Word for word as it is in the package."""
    answer = client.get("/_sandbox/openapi.json")

    assert answer.headers["content-type"] == "application/json"
    assert answer.content == FILE.read_bytes()
