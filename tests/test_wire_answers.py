"""The table of the delivery promises: what each answer, or the want of one, says about an event."""

from __future__ import annotations

import gzip
import json
import time
import zlib

import pytest
from examples import examples
from hypothesis import example, given
from hypothesis import strategies as st

from sendpulse_async import (
    AuthenticationError,
    DeliveryError,
    DuplicateEventError,
    EventNotFoundError,
    FailureScope,
    NotSentError,
    OutcomeStatus,
    PermissionDeniedError,
    RateLimitedError,
    RejectedError,
    Response,
    ServiceUnavailableError,
    TransportError,
    UnknownDeliveryError,
)
from sendpulse_async._http import FailureKind
from sendpulse_async._wire import is_over_quota, judge, judge_failure, read_answer

DAY = 86_400
NOW = 784_111_677.0  # 100 s before Sun, 06 Nov 1994 08:49:37 GMT
EVENT, ENDPOINT, ACCOUNT, SERVICE = FailureScope
LIMIT = b'{"error_code": 2020202020, "message": "More than 10 requests per second canary"}'
TAKEN = b'{"result": true}'
NO_EVENT = b'{"error_code": 102, "message": "Event not exists canary"}'
ENVELOPE = b'{"error_code": 999, "message": "canary"}'
HTML = b"<html>canary</html>"
BOMB = gzip.compress(b'{"result": true, "x": "' + b"x" * 50_000_000 + b'"}')
ODD = [
    *[b"", b"{}", HTML, b"\xff\xfecanary", b"[" * 1_000_000, b"[]", b"null", b"true", b'"canary"', b"{", b"1" * 5000],
    *[b'{"canary": 1}', b'{"result": null}', b'{"result": 1}', b'{"result": "canary"}', b'{"result": NaN}'],
]


def response(status, body=b"", encoding=None, *, is_complete=True, retry_after=()):
    headers = [(b"Retry-After", value.encode("latin-1")) for value in retry_after]
    if encoding is not None:
        headers.append((b"Content-Encoding", encoding))
    return Response(status, tuple(headers), body, is_complete)


def judged(status, body=b"", encoding=None, *, is_handed_over=True, **how):
    return judge(read_answer(response(status, body, encoding, **how), NOW), is_handed_over=is_handed_over)


def rows(statuses, bodies, *expected):
    return [pytest.param(s, b, *expected, id=f"{s}-{b[:24]!r}") for s in statuses for b in bodies]


ANY = [b"", HTML, ENVELOPE, b"\xff"]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        *[(429, body, RateLimitedError) for body in (*ANY, LIMIT, b'{"result": true}', b"[" * 1_000_000)],
        *[(status, LIMIT, RateLimitedError) for status in (200, 202, 302, 400, 401, 403, 404, 408, 500, 503)],
        *[(status, body, ServiceUnavailableError) for status in (408, 421, 425) for body in ANY],
        *[(503, body, ServiceUnavailableError) for body in (ENVELOPE, b'{"success": false, "message": "canary"}')],
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else None,
)
def test_row_5_a_passing_refusal(status, body, kind):
    """Row 5: what refuses for a passing reason was not taken, whatever else the answer is."""
    error = judged(status, body)

    assert type(error) is kind
    assert (error.status, error.scope, error.status_code) == (OutcomeStatus.NOT_SENT, SERVICE, status)
    assert error.error_code == (2020202020 if body == LIMIT else 999 if body == ENVELOPE else None)


@pytest.mark.parametrize("body", ANY)
def test_row_6_a_refused_authorisation(body):
    """Row 6, its first step: a 401 refused the token, so the event was not taken."""
    error = judged(401, body)

    assert type(error) is AuthenticationError
    assert (error.status, error.scope, error.status_code) == (OutcomeStatus.NOT_SENT, ACCOUNT, 401)


REJECTIONS = [
    *rows((402, 403, 307, 308), ANY, PermissionDeniedError, ACCOUNT),
    *rows((404, 405), ANY, EventNotFoundError, ENDPOINT),
    *rows((200, 400, 404, 422), [NO_EVENT], EventNotFoundError, ENDPOINT),
    *rows((400, 406, 409, 410, 413, 415, 418, 422, 431, 451, 499), ANY, RejectedError, EVENT),
    *rows((200, 201), [b'{"result": false}', b'{"success": false, "message": "canary"}'], RejectedError, EVENT),
    *rows((200,), [b'{"result": false, "message": "Dublicate data"}'], DuplicateEventError, EVENT),
]


@pytest.mark.parametrize(("status", "body", "kind", "scope"), REJECTIONS)
def test_rows_7_8_14_a_rejection(status, body, kind, scope):
    """Rows 7, 8 and 14: a refusal is told by its class and its scope, and keeps SendPulse's words as data."""
    error = judged(status, body)

    assert type(error) is kind
    assert (error.status, error.scope, error.status_code) == (OutcomeStatus.REJECTED, scope, status)
    content = json.loads(body) if body.startswith(b"{") else {}
    assert (error.message, error.error_code) == (content.get("message"), content.get("error_code"))
    assert error.body == body


UNSETTLED = [
    *rows((500, 502, 504, 505, 520, 599), [*ANY, NO_EVENT, b'{"result": false}', b'{"result": true}'], SERVICE),
    *rows((503,), [b"", HTML, b"\xff", b"{}", b"[]"], SERVICE),
    *rows((300, 301, 302, 303, 304, 305, 399), ANY, ACCOUNT),
    *rows((200,), ODD, SERVICE),
    *rows((201, 202), [b"{}", HTML], SERVICE),
    *rows((100, 101, 199), ANY, SERVICE),
]


@pytest.mark.parametrize(("status", "body", "scope"), UNSETTLED)
def test_rows_10_11_13_an_answer_that_settles_nothing(status, body, scope):
    """Rows 10, 11 and 13: a server's fault, a redirect and a 200 without a result leave the outcome unknown."""
    error = judged(status, body)

    assert type(error) is UnknownDeliveryError
    assert (error.status, error.scope, error.status_code) == (OutcomeStatus.UNKNOWN, scope, status)


@pytest.mark.parametrize(("status", "body", "scope"), UNSETTLED)
def test_without_a_whole_request_there_is_no_doubt(status, body, scope):
    """Row 4: with proof that the last byte stayed, an answer that would leave doubt means not sent."""
    error = judged(status, body, is_handed_over=False)

    assert type(error) is NotSentError
    assert (error.status, error.scope, error.status_code) == (OutcomeStatus.NOT_SENT, scope, status)


@pytest.mark.parametrize(
    ("status", "body", "encoding"),
    [
        *[(200, body, None) for body in (TAKEN, b' {"result":true,"result":true,"id":1e400}\n', b'{"success": true}')],
        *[(status, TAKEN, None) for status in (201, 202, 203)],
        pytest.param(200, b'{"result": true, "id": ' + b"9" * 4000 + b"}", None, id="huge-number"),
        *[(200, gzip.compress(TAKEN), encoding) for encoding in (b"gzip", b"x-gzip", b" GZIP ", b"identity, gzip")],
        *[(200, zlib.compress(TAKEN), b"deflate"), (200, TAKEN, b"identity")],
    ],
)
def test_a_confirmed_acceptance(status, body, encoding):
    """A 2xx that says so itself is accepted and confirmed, in any compression that can be undone."""
    answer = read_answer(response(status, body, encoding), NOW)

    assert judge(answer) is None
    assert answer.is_confirmed


@pytest.mark.parametrize(
    ("status", "body", "encoding", "is_complete"),
    [
        *[(status, body, None, False) for status in (200, 201, 204) for body in (b"", b'{"res', HTML, TAKEN)],
        *[(status, b"", None, True) for status in (201, 202, 204)],
        *[(200, body, b"gzip", True) for body in (b"\x1f\x8bcanary", TAKEN, gzip.compress(TAKEN)[:-4], BOMB)],
        *[(200, TAKEN, encoding, True) for encoding in (b"br", b"zstd", b"gzip, gzip", b"canary")],
    ],
    ids=lambda value: repr(value[:16]) if isinstance(value, bytes) else None,
)
def test_row_12_an_acceptance_without_its_body(status, body, encoding, is_complete):
    """Row 12: a 2xx whose body was cut, is packed beyond reading, or need not be, is accepted, unconfirmed."""
    answer = read_answer(response(status, body, encoding, is_complete=is_complete), NOW)

    assert judge(answer) is None
    assert not answer.is_confirmed
    assert len(answer.body) <= 64 * 1024


@pytest.mark.parametrize(
    ("kind", "is_handed_over", "error_kind", "scope"),
    [
        (FailureKind.CONNECT, False, NotSentError, SERVICE),
        (FailureKind.CONNECT, True, NotSentError, SERVICE),
        (FailureKind.CERTIFICATE, False, NotSentError, ACCOUNT),
        (FailureKind.EXCHANGE, False, NotSentError, SERVICE),
        (FailureKind.EXCHANGE, True, UnknownDeliveryError, SERVICE),
    ],
)
def test_rows_1_to_4_and_9_no_answer(kind, is_handed_over, error_kind, scope):
    """Rows 1 to 4 and 9: without an answer the phase decides, and a wrong certificate concerns every event."""
    error = judge_failure(TransportError(kind, "the reason"), is_handed_over=is_handed_over)

    assert type(error) is error_kind
    assert (error.scope, error.status_code) == (scope, None)
    assert "the reason" in str(error)


@pytest.fixture(params=["UTC0", "EET-2", "EST+5"])
def local_zone(request, monkeypatch):
    """This machine stands somewhere else."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        *[([], None), (["2"], 2.0), (["2.5"], 2.5), (["0"], 0.0), ([" 7 "], 7.0)],
        *[([value], None) for value in ("-1", "nan", "inf", "1e999", "1e3", "soon", "", "+", "9" * 400, "2,5", "\xb2")],
        (["Sun, 06 Nov 1994 08:49:37 GMT"], 100.0),
        (["Sunday, 06-Nov-94 08:49:37 GMT"], 100.0),
        (["Sun Nov  6 08:49:37 1994"], 100.0),  # RFC 9110, 5.6.7: the third date that a recipient must read; GMT too
        (["Sun, 06 Nov 1994 10:49:37 +0200"], 100.0),
        (["Sun, 06 Nov 1994 08:47:57 GMT"], 0.0),
        (["Sun, 06 Nov 1994 08:47:56 GMT"], None),
        *[([f"Sun, 06 Nov {year} 08:49:37 GMT"], None) for year in (1993, 99999)],
        (["soon", "Sun, 06 Nov 1994 08:49:37 GMT"], 100.0),
        *[([digits], float(DAY)) for digits in ("9" * 13, "9" * 300, "86400.5")],
        *[(["2", "30"], 30.0), (["30", "2"], 30.0), (["soon", "2"], 2.0), (["-1", "nan"], None)],
    ],
)
def test_retry_after_is_seconds_or_a_date(values, seconds, local_zone):
    """Seconds or an HTTP date count, in any local time zone; what is no finite future time is ignored."""
    errors = [judged(status, retry_after=values) for status in (429, 408, 503)]

    assert errors[0].retry_after == errors[1].retry_after == seconds
    assert type(errors[2]) is (UnknownDeliveryError if seconds is None else ServiceUnavailableError)


MOMENT = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("date", "now", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:07 GMT", NOW, 30.0),  # our clock is behind
        ("Sun, 06 Nov 1994 08:49:07 GMT", NOW + 90, 10.0),
        ("Sun, 06 Nov 1994 08:49:07 GMT", NOW + 7200, 30.0),  # and ahead
        ("Thu, 01 Jan 1970 00:00:00 GMT", NOW, 100.0),  # a server that does not know the time
        ("Sun, 06 Nov 2044 08:49:37 GMT", NOW, 100.0),
        ("Sun, 06 Nov 2044 08:49:37 GMT", NOW + 7200, None),
        ("soon", NOW, 100.0),
        (MOMENT, NOW, 0.0),
    ],
)
def test_of_two_clocks_the_shorter_wait_counts(date, now, seconds):
    """A date is reckoned from the answer's own `Date` and from this machine's clock; either may be wrong."""
    headers = ((b"Date", date.encode()), (b"Retry-After", MOMENT.encode()))

    assert read_answer(Response(429, headers), now).retry_after == seconds


@pytest.mark.parametrize("value", ["2.3000000000000003", "0002.3000000000000003", "2." + "3" * 300])
def test_a_number_may_have_many_digits(value):
    """What a program divided and printed is a number of seconds all the same."""
    assert judged(429, retry_after=[value]).retry_after == float(value)


@pytest.mark.parametrize("body", [ENVELOPE, LIMIT, NO_EVENT, HTML, b'{"result": false, "message": "canary"}'])
def test_no_text_quotes_the_server(body):
    """Whatever the server says under whatever status, our error does not repeat it: it may quote the event."""
    errors = {status: judged(status, body) for status in range(200, 600)}

    for status, error in errors.items():
        assert "canary" not in f"{error} {error!r}"
        assert f"HTTP {status}" in str(error)
    assert "canary" not in repr(read_answer(response(200, body), NOW))


@pytest.mark.parametrize("code", [b"true", b'"102"', b"102.5", b"[102]", b"null"])
def test_a_code_is_a_number(code):
    """What stands in the place of SendPulse's number and is none is not taken for one."""
    assert judged(400, b'{"error_code": %b}' % code).error_code is None


@pytest.mark.parametrize(
    ("status", "body", "encoding", "is_over"),
    [
        *[(429, body, None, True) for body in ANY],
        *[(status, LIMIT, None, True) for status in (200, 400, 503)],
        pytest.param(200, gzip.compress(LIMIT), b"gzip", True, id="gzip"),
        pytest.param(400, zlib.compress(LIMIT), b"deflate", True, id="deflate"),
        *[(status, body, None, False) for status in (200, 400, 503) for body in (TAKEN, ENVELOPE, b"2020202020", b"")],
        *[
            (200, b'{"result": true, "message": "2020202020"}', None, False),
            (200, b'{"error_code": true}', None, False),
        ],
    ],
)
def test_everybody_pauses_when_the_quota_is_used_up(status, body, encoding, is_over):
    """The shared pause begins for exactly those answers that are judged as over the quota."""
    answer = response(status, body, encoding)

    assert is_over_quota(answer) is is_over
    assert isinstance(judged(status, body, encoding), RateLimitedError) is is_over


SCALARS = st.booleans() | st.none() | st.floats() | st.text(max_size=3)
CODES = st.sampled_from([102, 2020202020, 8, -1, 0, True, None, "102", 1.5, [], 10**60])
WORDS = st.text(max_size=5) | st.sampled_from([5, "Dublicate data", "\ud800"])
CONTENTS = st.fixed_dictionaries(
    {}, optional={"error_code": CODES, "message": WORDS, "result": SCALARS, "success": SCALARS}
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)
BODIES = st.binary(max_size=40) | (CONTENTS | JSON).map(lambda content: json.dumps(content).encode())
PACKINGS = st.sampled_from([bytes, gzip.compress, zlib.compress])
NAMES = st.sampled_from([b"Retry-After", b"retry-AFTER", b"Date", b"Content-Encoding", b"content-type"])
DATES = st.builds(
    "{}{} {} {} {}:{}:{} {}".format,
    st.sampled_from(["Sun, ", "", "Someday, "]),
    st.integers(-1, 40),
    st.sampled_from(["Jan", "Feb", "jun", "Smarch", "13"]),
    st.integers(-1, 99999),
    *[st.integers(-1, 99)] * 3,
    st.sampled_from(["GMT", "UTC", "+0200", "-9999", "EST", "", "-0000", "+99999999999"]),
).map(str.encode)
NUMBERS = (st.floats() | st.integers()).map(lambda number: str(number).encode())
KNOWN = st.sampled_from([b"2", b"-1", b"1_0", b"+5", b"\xb2", b"gzip", b"deflate", b"gzip, br", b"identity"])
VALUES = KNOWN | DATES | NUMBERS | st.binary(max_size=12)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=4)
STATUSES = st.sampled_from([200, 204, 400, 429, 503]) | st.integers(100, 599)


@examples(500)
@given(STATUSES, BODIES, HEADERS, st.booleans(), st.booleans(), PACKINGS)
@example(200, b'{"result": true, "id": ' + b"9" * 5000 + b"}", [], True, True, bytes)
@example(200, b'{"result": false, "result": true}', [], True, True, bytes)
def test_any_answer_has_one_honest_meaning(status, body, headers, is_complete, is_handed_over, packed):
    """No answer breaks the judge, and none is judged against the rules that keep an outcome honest."""
    got = Response(status, tuple(headers), packed(body), is_complete)
    answer = read_answer(got, NOW)

    error = judge(answer, is_handed_over=is_handed_over)

    outcome = OutcomeStatus.ACCEPTED if error is None else error.status
    assert error is None or isinstance(error, DeliveryError)
    assert outcome is not OutcomeStatus.ACCEPTED or 200 <= status < 300
    assert outcome is not OutcomeStatus.UNKNOWN or is_handed_over
    assert status < 500 or outcome in {OutcomeStatus.UNKNOWN, OutcomeStatus.NOT_SENT}
    assert (status == 429) <= isinstance(error, RateLimitedError)
    assert answer.retry_after is None or 0 <= answer.retry_after <= DAY
    assert is_over_quota(got) is answer.is_over_quota
    assert is_over_quota(got) <= isinstance(error, RateLimitedError)


def test_no_answer_to_half_a_request_is_an_acceptance():
    """With proof that the last byte stayed, even a 200 that says so cannot have taken the event."""
    answer = read_answer(Response(200, (), b'{"result": true}'), 0.0)

    assert isinstance(judge(answer, is_handed_over=False), NotSentError)
    assert judge(answer) is None
