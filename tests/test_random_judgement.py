"""Any status, headers and body: they are understood without an error of ours, within the bounds of the promises."""

from __future__ import annotations

import gzip
import json
import math
import zlib

from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from sendpulse_async import DeliveryError, OutcomeStatus, RetryPolicy
from sendpulse_async._contract import ERROR_EVENT_NOT_EXISTS, ERROR_TOO_MANY_REQUESTS
from sendpulse_async._http import RESPONSE_BODY_LIMIT, Response
from sendpulse_async._wire import is_over_quota, judge, read_answer, read_token

DAY = 86_400
NOW = 1.8e9

codes = st.sampled_from([ERROR_TOO_MANY_REQUESTS, ERROR_EVENT_NOT_EXISTS, 8, 401, "102", None, True, 1.5, 10**30])
values = st.booleans() | st.none() | st.integers(0, 1) | st.text(max_size=3)
contents = st.fixed_dictionaries(
    {}, optional={"result": values, "success": values, "error_code": codes, "message": st.text(max_size=9) | values}
)
json_values = st.recursive(values | st.floats(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
bodies = (contents | json_values).map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60)


@st.composite
def packed(draw):
    """A body with the encodings that its header names, truthfully or not."""
    body, how = draw(bodies), draw(st.sampled_from([None, "gzip", "deflate", "identity", "br", "gzip, gzip", ""]))
    if draw(st.booleans()):
        body = {"gzip": gzip.compress, "deflate": zlib.compress}.get(how, bytes)(body)
    headers = () if how is None else ((b"Content-Encoding", how.encode()),)
    return headers, body


days = st.sampled_from(["Mon, ", "Fri, ", "", "Someday, "])
dates = st.builds(
    "{}{} {} {} {}:{}:{} {}".format,
    days,
    st.integers(-1, 40),
    st.sampled_from(["Jan", "Feb", "jun", "Smarch", "13"]),
    st.integers(-1, 99999),
    *[st.integers(-1, 99)] * 3,
    st.sampled_from(["GMT", "UTC", "+0200", "-9999", "EST", "", "-0000", "+99999999999"]),
)
numbers = (st.floats() | st.integers()).map(str) | st.sampled_from(
    ["\u0661", "1_0", "+5", "0x10", "1e3", "2.", " 3 ", "\xb2"]
)
waits = (dates | numbers | st.text(st.characters(max_codepoint=255), max_size=30)).map(
    lambda text: text.encode("latin-1", "replace")
)
extra = st.lists(st.tuples(st.sampled_from([b"Retry-After", b"retry-after", b"Date", b"X"]), waits), max_size=4)


@st.composite
def responses(draw):
    headers, body = draw(packed())
    status = draw(
        st.sampled_from([200, 201, 204, 301, 307, 400, 401, 403, 404, 408, 422, 429, 500, 503]) | st.integers(100, 999)
    )
    return Response(status, (*headers, *draw(extra)), body, draw(st.booleans()))


@examples(500)
@given(response=responses(), is_handed_over=st.booleans())
def test_any_answer_is_understood(response, is_handed_over):
    """One of the four outcomes; a wait of a day at most; without the last byte neither an acceptance nor a doubt."""
    answer = read_answer(response, NOW)
    error = judge(answer, is_handed_over=is_handed_over)

    status = OutcomeStatus.ACCEPTED if error is None else error.status
    assert error is None or isinstance(error, DeliveryError)
    assert len(answer.body) <= max(RESPONSE_BODY_LIMIT, len(response.body))
    assert answer.retry_after is None or 0 <= answer.retry_after <= DAY
    assert is_over_quota(response) is answer.is_over_quota
    assert is_handed_over or status in {OutcomeStatus.NOT_SENT, OutcomeStatus.REJECTED}
    assert status is not OutcomeStatus.ACCEPTED or 200 <= response.status_code < 300
    assert response.status_code < 500 or status in {OutcomeStatus.NOT_SENT, OutcomeStatus.UNKNOWN}


@examples(200)
@given(response=responses())
def test_any_answer_to_a_token_request_is_understood(response):
    """A token, or an error of which no event was sent; a lifetime that ends within a day."""
    token = read_token(read_answer(response, NOW), NOW)

    if isinstance(token, Exception):
        assert token.status is OutcomeStatus.NOT_SENT
    else:
        assert NOW < token.expires_at <= NOW + DAY


@examples(200)
@given(
    status=st.sampled_from(OutcomeStatus),
    attempts=st.integers(1, 10**6),
    jitter=st.floats(0, 1),
    asked=st.none() | st.floats(0, DAY),
)
def test_a_delay_is_what_was_asked_for_or_bounded(status, attempts, jitter, asked):
    """Whatever the policy is asked, it answers with a finite wait or none at all."""
    policy = RetryPolicy(max_attempts=10**6, repeat_unknown=True)

    delay = policy.next_delay(status, attempts, jitter, asked)

    if status in {OutcomeStatus.ACCEPTED, OutcomeStatus.REJECTED} or attempts == policy.max_attempts:
        assert delay is None
    elif asked is None:
        assert 0 <= delay <= policy.max_delay
    else:
        assert delay == asked
    assert delay is None or math.isfinite(delay)
