"""The public names are complete, sorted, and the fixed ones of the architecture."""

from __future__ import annotations

import inspect
import subprocess
import sys

import sendpulse_async
from sendpulse_async import testing
from sendpulse_async.integrations import aiohttp, fastapi
from sendpulse_async.stores.memcached import MemcachedTokenStore
from sendpulse_async.stores.redis import RedisTokenStore

FIXED = {
    "Event", "RawEventSender", "AuthorizedEventSender", "BodyFormat", "EventSender", "send_many", "stream_many",
    "Outcome", "OutcomeStatus", "Report", "Receipt", "RetryPolicy", "RateLimit", "Quota", "Token", "TokenStore",
    "LockingTokenStore",
    "MemoryTokenStore", "FileTokenStore", "HttpxTransport", "ClientCredentials", "ApiKey", "Request", "Response",
    "SendPulseError", "ConfigurationError", "InvalidEventError", "DeliveryError", "NotSentError", "RateLimitedError",
    "ServiceUnavailableError", "AuthenticationError", "UnknownDeliveryError", "RejectedError", "PermissionDeniedError",
    "EventNotFoundError", "DuplicateEventError", "StoppedError", "BulkError", "JournalError",
    "Outbox", "OutboxStats", "DeadLetter", "Drained",
}  # fmt: skip
FOR_TESTS = {"Fault", "LedgerEntry", "RecordedEvent", "Recorder", "Sandbox", "Switches"}
BY_THEIR_OWN_PATH = {
    "RedisTokenStore": RedisTokenStore,
    "MemcachedTokenStore": MemcachedTokenStore,
    **{name: getattr(testing, name) for name in testing.__all__},
    **{f"{web.__name__}.{name}": getattr(web, name) for web in (aiohttp, fastapi) for name in web.__all__},
}
FOR_WEB_APPLICATIONS = {"SendPulse", "get_outbox", "get_sender"}


def test_all_is_sorted_and_complete() -> None:
    """`__all__` names every public thing of the package, in order."""
    names = sendpulse_async.__all__

    assert list(names) == sorted(names)
    assert set(names) >= FIXED
    assert all(hasattr(sendpulse_async, name) for name in names)


def test_what_is_for_tests_is_sorted_and_complete() -> None:
    """So does `sendpulse_async.testing`, and those of its names that need an extra are there where it is installed."""
    names = testing.__all__

    assert list(names) == sorted(names)
    assert set(names) == FOR_TESTS


def test_what_is_for_web_applications_has_the_same_names() -> None:
    """Both integrations have the same names and keywords, beside what their framework alone has."""
    assert set(aiohttp.__all__) == FOR_WEB_APPLICATIONS | {"OUTBOX", "SENDER"}
    assert set(fastapi.__all__) == FOR_WEB_APPLICATIONS | {"OutboxDep", "SenderDep"}
    assert [list(web.__all__) == sorted(web.__all__) for web in (aiohttp, fastapi)] == [True, True]
    assert inspect.signature(aiohttp.SendPulse) == inspect.signature(fastapi.SendPulse)
    assert list(inspect.signature(aiohttp.SendPulse).parameters) == ["connect", "outbox", "drain", "name"]


def test_every_public_thing_explains_itself() -> None:
    """Each public class and function has a docstring, and so has each of its public methods."""
    silent = []
    here = {name: getattr(sendpulse_async, name) for name in sendpulse_async.__all__}
    for name, thing in {**here, **BY_THEIR_OWN_PATH}.items():
        if not (inspect.isclass(thing) or inspect.isfunction(thing)):
            continue
        members = [m for n, m in vars(thing).items() if not n.startswith("_")] if inspect.isclass(thing) else []
        functions = [m for m in members if inspect.isfunction(m)]
        silent += [f"{name}: {m!r}" for m in (thing, *functions) if not inspect.getdoc(m)]

    assert silent == []


def test_keywords_of_the_senders_are_the_fixed_ones() -> None:
    """Code that is written against the documented keywords works."""
    raw = set(inspect.signature(sendpulse_async.RawEventSender).parameters)
    authorized = set(inspect.signature(sendpulse_async.AuthorizedEventSender).parameters)
    both = {"transport", "retry", "rate_limit", "deadline", "allowed_hosts", "on_outcome", "hooks"}

    assert raw == both | {"url", "body_format"}
    assert authorized == both | {"auth", "event_name", "base_url", "token_store"}


def test_a_recorder_and_a_sandbox_are_asked_alike() -> None:
    """What a test asks one of them it can ask the other, with the keywords that are documented."""
    asked = {"event", "email", "phone", "variables", "times"}
    for holder in (testing.Recorder, testing.Sandbox):
        assert set(inspect.signature(holder.assert_sent).parameters) == asked | {"self"}
        assert set(inspect.signature(holder.wait_sent).parameters) == asked | {"self", "timeout"}
    assert set(inspect.signature(testing.Recorder).parameters) == {"event_name", "is_raw", "body_format", "on_outcome"}


EXTRAS = ("aiohttp", "aiomcache", "cyclopts", "email_validator", "fastapi", "httptools", "phonenumbers", "pyarrow")
EXTRAS += ("redis", "starlette")


def test_the_package_needs_no_extra() -> None:
    """Who installed nothing but the package imports it; each extra is reached by a path of its own."""
    program = f"import sys; sys.modules |= dict.fromkeys({EXTRAS}); import sendpulse_async"

    subprocess.run([sys.executable, "-c", program], check=True)
