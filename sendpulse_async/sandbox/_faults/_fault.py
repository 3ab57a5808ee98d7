"""Faults on request: what they match, what they answer, and whether the event was taken all the same."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

from attrs import evolve, field, frozen

from ..._contract import API_KEY_PREFIX, ERROR_TOO_MANY_REQUESTS
from .._ledger import parse_query
from .._wire import HTML_TYPE, JSON_TYPE, Answer, code_of, takes_body, usual_answer
from ._rules import MAX_SECONDS, is_body, is_query, is_seconds, is_whole, rule, to_headers

if TYPE_CHECKING:
    from .._ledger import LedgerEntry, Query

DROPS: Final = ("reset", "close", "cut", "hang")
DOORS: Final = ("raw", "name", "token")
TOKEN_FATES: Final = ("expired", "revoked")
_WITHOUT_ANSWER: Final = frozenset({"reset", "close", "hang"})


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


@frozen(kw_only=True)
class Fault:
    """Play a fault on requests that the sandbox would otherwise accept.

    `door`, `event`, `email` and `where` say which requests match; all of them must. Of those that match, `every` or
    `probability` picks some, counted and drawn for each request that matches, whether or not another fault is played
    on it: so what one fault does never depends on the others. Of those picked, the first fault on the board is played,
    and `times` counts plays alone.

    Args:
        status: The answer's status, 200 to 599. None: 200, and the sandbox's own answer if nothing else is given.
        body: The answer's body: an object is sent as JSON, text and bytes as HTML unless `headers` name a content
            type. None: what SendPulse would likely say with this status.
        headers: More headers of the answer, pairs or a dict.
        retry_after: Seconds for a `Retry-After` header.
        delay: Seconds between the ledger entry and what comes next.
        drop: `"reset"` (RST, no answer), `"close"` (FIN, no answer), `"cut"` (an answer whose body ends half way) or
            `"hang"` (no answer until the client goes away or the sandbox stops).
        times: Requests that it is played on, the first of those picked. None: for ever.
        door: `"raw"`, `"name"` or `"token"`. None: either event door; the token endpoint only when it is named.
        event: Play it on events of this name only.
        email: Play it on events to this address only.
        where: Play it on events that match this query only, such as `"var.total>10"`: the grammar of the test API's
            `q`. Nothing has been answered yet when it is asked.
        every: Play it on every Nth of the matching requests: 2 or more.
        probability: Play it on each matching request with this probability, more than 0 and up to 1.
        seed: With `probability`: 0 or more; the same requests in the same order then meet the same faults. None:
            chance.
        token: `"expired"`: the bearer token of the request opens no more, or `"revoked"`: no token that was given out
            does. The answer is a 401 unless the other fields say otherwise. It matches named events sent with a
            token: an API key never expires.
        taken: Whether the event counts as taken and stands in the ledger. None: as `is_taken` infers.

    Raises:
        ValueError: A field is wrong, or two exclude each other; the text names them.
    """

    status: int | None = field(
        default=None, validator=rule(lambda value: is_whole(value, 200, 599), "a whole number from 200 to 599")
    )
    body: str | bytes | dict[str, Any] | None = field(
        default=None, validator=rule(is_body, "text, bytes or a JSON object")
    )
    headers: tuple[tuple[str, str], ...] = field(default=(), converter=to_headers)
    retry_after: float | None = field(
        default=None, validator=rule(is_seconds, f"seconds, 0 or more and up to {MAX_SECONDS}")
    )
    delay: float = field(default=0.0, validator=rule(is_seconds, f"seconds, 0 or more and up to {MAX_SECONDS}"))
    drop: str | None = field(default=None, validator=rule(DROPS.__contains__, f"one of {', '.join(DROPS)}"))
    times: int | None = field(default=1, validator=rule(lambda value: value is None or is_whole(value, 1), "1 or more"))
    door: str | None = field(default=None, validator=rule(DOORS.__contains__, f"one of {', '.join(DOORS)}"))
    event: str | None = field(default=None, validator=rule(_is_text, "text"))
    email: str | None = field(default=None, validator=rule(_is_text, "text"))
    taken: bool | None = field(default=None, validator=rule(lambda value: isinstance(value, bool), "true or false"))

    where: str | None = field(default=None, validator=is_query)
    every: int | None = field(
        default=None, validator=rule(lambda value: is_whole(value, 2), "a whole number, 2 or more")
    )
    probability: float | None = field(
        default=None,
        validator=rule(lambda value: is_seconds(value) and 0 < value <= 1, "a number more than 0 and up to 1"),
    )
    seed: int | None = field(
        default=None, validator=rule(lambda value: is_whole(value, 0), "a whole number, 0 or more")
    )
    token: str | None = field(
        default=None, validator=rule(TOKEN_FATES.__contains__, f"one of {', '.join(TOKEN_FATES)}")
    )

    def __attrs_post_init__(self) -> None:
        if not self.has_own_answer and self.drop is None and not self.delay and self.token is None:
            raise ValueError("a fault needs an effect: status, body, headers, retry_after, delay, drop or token")
        if self.has_own_answer and not self.has_answer:
            raise ValueError(f"drop={self.drop!r} excludes status, body, headers and retry_after: nothing is answered")
        if self.body is not None and not takes_body(self.status or 200):
            raise ValueError(f"body and status={self.status} exclude each other")
        _refuse_combinations(self)

    @property
    def has_own_answer(self) -> bool:
        """Whether it says what is answered, or leaves that to the sandbox."""
        return bool(self.headers) or (self.status, self.body, self.retry_after) != (None, None, None)

    @property
    def has_answer(self) -> bool:
        """Whether an answer begins at all."""
        return self.drop not in _WITHOUT_ANSWER

    @cached_property
    def answer(self) -> Answer:
        """The answer that is played where there is one."""
        answer = usual_answer(self.status or (200 if self.token is None else 401))
        if self.body is not None:
            media_type = JSON_TYPE if isinstance(self.body, dict) else HTML_TYPE
            body = _to_bytes(self.body)
            answer = evolve(answer, body=body, media_type=media_type, error_code=code_of(_json_object(body)))
        if self.retry_after is None:
            return evolve(answer, headers=self.headers)
        seconds = int(self.retry_after) if float(self.retry_after).is_integer() else self.retry_after
        return evolve(answer, headers=(*self.headers, ("retry-after", str(seconds))))

    @cached_property
    def is_taken(self) -> bool:
        """Whether the event stands in the ledger: it does unless the answer is a refusal.

        Refusals are the statuses below 500 other than 2xx, a 503 that says when to come back or speaks SendPulse's
        JSON, `result: false`, `success: false`, and error 2020202020 under any status. An answer that never comes is
        none, unless the token opened no more.
        """
        if self.taken is not None:
            return self.taken
        if not self.has_answer:
            return self.token is None
        said = _json_object(self.answer.body)
        if said.get("error_code") == ERROR_TOO_MANY_REQUESTS:
            return False
        if said.get("result") is False or said.get("success") is False:
            return False
        if self.answer.status == 503:
            return not said and all(name.lower() != "retry-after" for name, _ in self.answer.headers)
        return self.answer.status < 300 or self.answer.status >= 500

    @cached_property
    def size(self) -> int:
        """Bytes of its body, and characters of its other texts."""
        headers = sum(len(name) + len(text) for name, text in self.headers)
        return len(self.answer.body) + headers + sum(len(text or "") for text in (self.event, self.email, self.where))

    @cached_property
    def _query(self) -> Query | None:
        return None if self.where is None else parse_query(self.where)

    def matches(self, door: str, entry: LedgerEntry | None) -> bool:
        """Tell whether it is meant for this request; `entry` is None at the token endpoint."""
        doors = ("name",) if self.token else (self.door,) if self.door else ("raw", "name")
        if door not in doors:
            return False
        if entry is None:
            return True
        if self.event not in (None, entry.event) or self.email not in (None, entry.email):
            return False
        return (self._query is None or self._query.matches(entry)) and not (self.token and _has_api_key(entry))


def _has_api_key(entry: LedgerEntry) -> bool:
    return (entry.header("authorization") or "").partition(" ")[2].startswith(API_KEY_PREFIX)


def _to_bytes(body: str | bytes | dict[str, Any]) -> bytes:
    if isinstance(body, bytes):
        return body
    text = body if isinstance(body, str) else json.dumps(body)
    return text.encode(errors="replace")


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _refuse_combinations(fault: Fault) -> None:
    """Refuse fields that are right alone and make no sense together; the text names them."""
    if fault.door == "token" and (fault.event, fault.email, fault.where) != (None, None, None):
        raise ValueError("event, email and where cannot match at door='token'")
    if fault.every is not None and fault.probability is not None:
        raise ValueError("every and probability exclude each other")
    if fault.seed is not None and fault.probability is None:
        raise ValueError("seed needs a probability")
    if fault.token is not None and fault.door not in (None, "name"):
        raise ValueError(f"token={fault.token!r} and door={fault.door!r} exclude each other: only names need a token")
