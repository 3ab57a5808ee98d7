"""The token endpoint's answers, and the credentials that are sent there."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import (
    ApiKey,
    AuthenticationError,
    ClientCredentials,
    ConfigurationError,
    FailureScope,
    NotSentError,
    OutcomeStatus,
    RateLimitedError,
    Response,
    ServiceUnavailableError,
    Token,
)
from sendpulse_async._wire import TokenDoor, parse_base_url, read_answer, read_token
from sendpulse_async._wire._oauth import token_lifetime

NOW = 1_700_000_000.0
DOCUMENTED = 3600.0
DAY = 86_400.0


def read(status, content=b"", headers=(), *, is_complete=True):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return read_token(read_answer(Response(status, headers, body, is_complete), NOW), NOW)


def token_with(**fields):
    return read(200, {"access_token": "eyJ0.a-b_c", "token_type": "Bearer", **fields})


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [
        *[(3600, 3600.0), (7200, 7200.0), (1, 1.0), (0.5, 0.5), ("3600", 3600.0), (" 60 ", 60.0)],
        *[(value, DOCUMENTED) for value in (0, -1, "0", "-5", None, "", "soon", "nan", float("nan"), float("-inf"))],
        *[(value, DOCUMENTED) for value in (True, False, [], [3600], {}, {"seconds": 5})],
        *[(value, DAY) for value in (1e308, float("inf"), "1e999", DAY + 1)],
    ],
)
def test_a_lifetime_is_read_and_checked(expires_in, lifetime):
    """What can be a lifetime counts, what cannot is the documented hour, and nobody is believed beyond a day."""
    assert token_with(expires_in=expires_in) == Token("eyJ0.a-b_c", NOW + lifetime)


def test_a_lifetime_may_be_missing_or_absurd():
    """No expires_in means the documented hour; one of 400 digits is still no error."""
    assert token_with() == Token("eyJ0.a-b_c", NOW + DOCUMENTED)
    assert NOW < token_with(expires_in=10**400).expires_at <= NOW + DAY


@pytest.mark.parametrize(
    "text",
    ["", " ", "a b", " token", "token\n", "a\r\nX-Evil: 1", "tok\u00e9n", "t\x00", "\ud800", None, 5, True, ["a"]],
)
def test_a_token_that_no_header_can_carry_is_none(text):
    """A text that would break, or smuggle into, the Authorization header is not a token."""
    error = read(200, {"access_token": text, "expires_in": 3600})

    assert type(error) is ServiceUnavailableError
    assert error.status is OutcomeStatus.NOT_SENT


REFUSED = {"error": "invalid_client", "error_description": "canary", "message": "canary"}
OVER_QUOTA = {"error_code": 2020202020, "message": "canary"}
RETRY = ((b"Retry-After", b"2.5"),)


@pytest.mark.parametrize(
    ("status", "content", "headers", "kind", "retry_after"),
    [
        *[(401, content, (), AuthenticationError, None) for content in (REFUSED, b"", b"<html>canary", b"[" * 100_000)],
        *[(400, content, (), AuthenticationError, None) for content in (REFUSED, {"message": "canary"}, b"\xff")],
        (403, REFUSED, (), AuthenticationError, None),
        (429, b"canary", (), RateLimitedError, None),
        (429, {}, RETRY, RateLimitedError, 2.5),
        (200, OVER_QUOTA, RETRY, RateLimitedError, 2.5),
        (503, b"", RETRY, ServiceUnavailableError, 2.5),
        *[(status, b"<html>canary", (), ServiceUnavailableError, None) for status in (500, 502, 503, 504, 520)],
        *[(status, b"", (), ServiceUnavailableError, None) for status in (200, 204, 301, 302, 307, 403, 404, 405, 422)],
        *[(200, content, (), ServiceUnavailableError, None) for content in ({}, [], b"canary", {"result": True})],
    ],
)
def test_an_answer_without_a_token_says_why(status, content, headers, kind, retry_after):
    """Refused credentials are told from what passes; no event was sent either way, and no server's word is quoted."""
    error = read(status, content, headers)

    assert type(error) is kind
    assert (error.status, error.status_code) == (OutcomeStatus.NOT_SENT, status)
    assert getattr(error, "retry_after", None) == retry_after
    assert error.scope is (FailureScope.ACCOUNT if kind is AuthenticationError else FailureScope.SERVICE)
    assert "canary" not in f"{error} {error!r}"


def test_a_token_that_was_cut_is_none():
    """Half of an answer is not a token, even where its text looks whole."""
    error = read(200, {"access_token": "abc"}, is_complete=False)

    assert isinstance(error, ServiceUnavailableError)


@given(st.integers(100, 599), st.binary(max_size=60) | st.dictionaries(st.text(max_size=5), st.integers()))
def test_any_answer_is_a_token_or_not_sent(status, content):
    """No answer of the token endpoint can break the reader, nor put an event in doubt."""
    assert isinstance(read(status, content), Token | NotSentError)


LIFETIMES = st.floats() | st.integers() | st.text(max_size=8) | st.none() | st.booleans() | st.lists(st.integers())


@given(LIFETIMES)
def test_any_lifetime_ends_within_a_day(expires_in):
    """Whatever an answer says of the token's life, it serves for some time, and not for ever."""
    assert 0 < token_lifetime(expires_in) <= DAY


def test_the_account_is_the_official_clients_key():
    """The account's key is md5("id::secret"), lower-case hex, as the PHP, Python and Node clients keep it."""
    credentials = ClientCredentials("id", " secret\n")

    assert credentials.account == "35972687fcfb403eeb84c2484be437ec"
    assert credentials.account != ClientCredentials("id", "other").account


BAD = ["", "  ", "a b", "a\nb", "a\x00", "\u043a\u043b\u044e\u0447", "a\u00a0b", "\ud800", None, 5, b"key", ["key"]]


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda value: ClientCredentials(value, "canary"), "ClientCredentials.client_id"),
        (lambda value: ClientCredentials("id", value), "ClientCredentials.client_secret"),
        (ApiKey, "ApiKey.key"),
    ],
    ids=["id", "secret", "key"],
)
def test_a_credential_that_cannot_be_one_is_refused_by_name(make, field, value):
    """What no header could carry is a ConfigurationError that names the field and quotes nothing."""
    with pytest.raises(ConfigurationError, match=rf"^{field} ") as caught:
        make(value)

    assert "canary" not in str(caught.value)


def test_credentials_are_tidied_and_masked():
    """Blanks from a settings file go, and no secret is in a repr."""
    credentials, key = ClientCredentials(" id ", "\tcanary\n"), ApiKey(" !sp_apikey_canary~ ")

    assert (credentials.client_id, credentials.client_secret, key.key) == ("id", "canary", "!sp_apikey_canary~")
    assert "canary" not in f"{credentials!r} {credentials} {key!r} {key} {Token('canary', 5.0)!r}"


def test_a_token_is_asked_for_as_documented():
    """The request goes to the token path below the base, with the grant as JSON and no authorisation."""
    base = parse_base_url("https://api.sendpulse.com/", ())

    request = TokenDoor(base).request(ClientCredentials("id", "canary"))

    headers = dict(request.headers)
    assert request.target.url == "https://api.sendpulse.com/oauth/access_token"
    assert json.loads(request.body) == {
        "grant_type": "client_credentials",
        "client_id": "id",
        "client_secret": "canary",
    }
    assert headers[b"Content-Type"] == b"application/json"
    assert headers[b"Content-Length"] == b"%d" % len(request.body)
    assert b"Authorization" not in headers
    assert "canary" not in repr(request)
