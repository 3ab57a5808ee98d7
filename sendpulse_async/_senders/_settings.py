"""What both senders can be told, checked when a sender is made."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Collection, Sequence
from types import EllipsisType
from typing import TypedDict

import attrs

from .._contract import REQUESTS_PER_SECOND
from .._errors import ConfigurationError
from .._hooks import Hooks
from .._http import Transport
from .._policies import RateLimit, RetryPolicy
from .._quota import Quota
from .._telling import OnOutcome
from .._wire import is_sendpulse_host
from ..transports.httpx import HttpxTransport

RateLimitChoice = RateLimit | Quota | EllipsisType | None


class SenderOptions(TypedDict, total=False):
    """The keywords that both senders take."""

    transport: Transport | None
    retry: RetryPolicy
    rate_limit: RateLimitChoice
    deadline: float
    allowed_hosts: Collection[str]
    on_outcome: OnOutcome | None
    hooks: Sequence[Hooks]


def _checked_hooks(given: Sequence[Hooks]) -> tuple[Hooks, ...]:
    if not isinstance(given, Sequence) or not all(isinstance(hook, Hooks) for hook in given):
        raise ConfigurationError("hooks must be a list of Hooks objects, as in hooks=[Telemetry()]")
    for hook in given:
        for name in (name for name in dir(Hooks) if name.startswith("on_")):
            if inspect.iscoroutinefunction(getattr(hook, name)):
                text = f"hooks: {name} of {type(hook).__name__} is async, and nobody would await it"
                raise ConfigurationError(f"{text}; what has to await goes into on_outcome=")
    return tuple(given)


@attrs.frozen
class Settings:
    """The checked form of `SenderOptions`."""

    transport: Transport | None
    retry: RetryPolicy
    rate_limit: RateLimitChoice
    deadline: float
    on_outcome: OnOutcome | None
    hooks: tuple[Hooks, ...] = attrs.field(default=(), converter=_checked_hooks)

    def __attrs_post_init__(self) -> None:
        if self.transport is not None and not _is_transport(self.transport):
            raise ConfigurationError(
                "transport must have send and aclose; an httpx client goes into HttpxTransport(client)"
            )
        if not isinstance(self.retry, RetryPolicy):
            raise ConfigurationError("retry must be a RetryPolicy")
        if self.on_outcome is not None and not callable(self.on_outcome):
            raise ConfigurationError("on_outcome must be callable")
        check_deadline(self.deadline)

    def opened_transport(self) -> Transport:
        """Return the given transport, or a new one of the sender's own."""
        return HttpxTransport() if self.transport is None else self.transport

    def quota(self, host: str) -> Quota:
        """Return the given quota, or one for the given limit, or for what `host` is known to allow."""
        if isinstance(self.rate_limit, Quota):
            return self.rate_limit
        if isinstance(self.rate_limit, EllipsisType):
            return Quota(RateLimit(per_second=REQUESTS_PER_SECOND) if is_sendpulse_host(host) else None)
        return Quota(self.rate_limit)


def _is_transport(given: object) -> bool:
    is_one = isinstance(given, Transport) and not isinstance(given, type)
    return is_one and not hasattr(given, "build_request")  # as httpx's clients have


def check_deadline(deadline: float) -> float:
    """Return a deadline in seconds; `inf` is none.

    Raises:
        ConfigurationError: It is no positive number.
    """
    if isinstance(deadline, bool) or not isinstance(deadline, int | float) or not 0 < deadline <= math.inf:
        raise ConfigurationError("deadline must be a number of seconds, more than 0; math.inf for none")
    try:
        return float(deadline)
    except OverflowError:
        return math.inf


def from_environment(name: str, purpose: str) -> str:
    """Return an environment variable.

    Raises:
        ConfigurationError: It is not set.
    """
    if value := os.environ.get(name, "").strip():
        return value
    raise ConfigurationError(f"the environment variable {name} is not set: {purpose}")
