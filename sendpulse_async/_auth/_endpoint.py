"""Makes token requests, spaced after failures, and none at all for a while after a refusal."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

import attrs

from .._errors import AuthenticationError, ConfigurationError, NotSentError
from .._http import Transport, TransportError
from .._loops import within
from .._tokens import ClientCredentials, Token
from .._wire import TokenDoor, read_answer, read_token

BASE_DELAY, MAX_DELAY = 0.5, 30.0
"""Seconds between failed token requests: the upper bound of the first random delay, and of any."""
REQUEST_PATIENCE = 30.0
"""Seconds for one token request, so that an answer that dribbles in does not hold up everybody who waits."""
COOL_DOWN = 60.0
"""Seconds without token requests after the credentials were refused: issuing tokens is itself limited."""


@attrs.define(eq=False)
class TokenEndpoint:
    """The account's way to a new token.

    Args:
        credentials: Whose token.
        door: Builds the request.
        transport: Carries it; the events' rate limit does not apply.
        clock: Seconds, monotonic.
        wall_clock: Unix time in seconds.
        jitter: Gives a random number from 0 to 1.
        on_request: Told of each request how many seconds it took, and why there is no token, if there is none.

    Attributes:
        begun: Token requests so far.
        ended: Those of which it is known what came of them.
    """

    credentials: ClientCredentials
    door: TokenDoor
    transport: Transport
    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    jitter: Callable[[], float] = random.random
    on_request: Callable[[float, NotSentError | None], None] = lambda _, __: None
    begun: int = attrs.field(default=0, init=False)
    ended: int = attrs.field(default=0, init=False)
    _failures: int = attrs.field(default=0, init=False)
    _failure: NotSentError | None = attrs.field(default=None, init=False)
    _not_before: float = attrs.field(default=-math.inf, init=False)
    _closed_until: float = attrs.field(default=-math.inf, init=False)

    async def request(self) -> Token | NotSentError:
        """Make one token request, if it may be made now; return the token, or why there is none."""
        if self.is_cooling_down:
            return AuthenticationError("the credentials were refused a moment ago and are not tried again yet")
        if self._failure is not None and self.wait > 0:
            return self._failure
        self.begun, began = self.begun + 1, self.clock()
        result = await self._exchange()
        self.ended += 1
        self.on_request(self.clock() - began, None if isinstance(result, Token) else result)
        if isinstance(result, Token):
            self._failures, self._failure = 0, None
        else:
            self._note(result)
        return result

    @property
    def wait(self) -> float:
        """Seconds before the next token request may be made."""
        return max(0.0, self._not_before - self.clock())

    @property
    def is_cooling_down(self) -> bool:
        """Whether no token request may be made now."""
        return self.clock() < self._closed_until

    def cool_down(self) -> None:
        """Make no token request for a while."""
        self._closed_until = self.clock() + COOL_DOWN

    async def _exchange(self) -> Token | NotSentError:
        try:
            response = await within(REQUEST_PATIENCE, self.transport.send(self.door.request(self.credentials)))
        except TransportError as failure:
            return NotSentError(f"no token: {failure}")
        except ConfigurationError:
            raise  # it says what to change, and no later request would fare better
        except Exception as fault:  # noqa: BLE001 - a caller's own client may raise anything, and is not asked for more at once
            return NotSentError(f"no token: the transport raised {type(fault).__name__}")
        if response is None:
            return NotSentError("no token: the token endpoint took too long")
        now = self.wall_clock()
        return read_token(read_answer(response, now), now)

    def _note(self, error: NotSentError) -> None:
        if isinstance(error, AuthenticationError):
            self.cool_down()
            return
        self._failures += 1
        self._failure = error
        delay = self.jitter() * min(BASE_DELAY * 2 ** min(self._failures - 1, 16), MAX_DELAY)
        asked = getattr(error, "retry_after", None) or 0.0
        self._not_before = self.clock() + max(delay, min(asked, COOL_DOWN))
