"""The sender for an event's own URL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar, Self, Unpack

from .._errors import ConfigurationError
from .._hooks import Hooks
from .._http import Transport
from .._outcomes import Receipt
from .._policies import RetryPolicy
from .._telling import OnOutcome
from .._wire import BodyFormat, RawDoor, parse_event_url
from ..typed import EventLike
from ._sender import OwnVerb, Sender
from ._settings import RateLimitChoice, SenderOptions, Settings, from_environment


class RawOptions(SenderOptions, total=False):
    """The keywords of `RawEventSender`."""

    body_format: BodyFormat


class RawEventSender(Sender):
    """Sends events to the URL that SendPulse shows for one event; the URL is a secret, for it alone authorises.

    One sender serves a whole program, from module scope too: nothing starts before the first event, and each event
    loop gets connections of its own.

    Args:
        url: `https://events.sendpulse.com/events/id/…`, a host in `allowed_hosts`, or plain http to a loopback address.
        body_format: How the event travels.
        transport: Instead of an `HttpxTransport()` of its own; it stays open when the sender is closed.
        retry: When to repeat; the default never sends an event twice.
        rate_limit: A limit, a `Quota` shared with other senders, or None for none. By default ten requests a second
            on SendPulse's own hosts, none elsewhere.
        deadline: Seconds for one event, queueing, pauses and repeats included; `math.inf` for none.
        allowed_hosts: Other hosts that events may go to, over https.
        on_outcome: Called once with the `Outcome` of each event, a cancelled one's too; sync or async. Its own time
            comes on top of the deadline.
        hooks: Hear what it does: attempts, pauses, tokens, outcomes, runs.

    Raises:
        ConfigurationError: A setting is wrong; the text names it, and never quotes the URL.
    """

    def __init__(
        self,
        url: str,
        *,
        body_format: BodyFormat = BodyFormat.RAW,
        transport: Transport | None = None,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - a frozen value
        rate_limit: RateLimitChoice = ...,
        deadline: float = 30.0,
        allowed_hosts: Collection[str] = frozenset(),
        on_outcome: OnOutcome | None = None,
        hooks: Sequence[Hooks] = (),
    ) -> None:
        if not isinstance(body_format, BodyFormat):
            raise ConfigurationError("body_format must be a BodyFormat")
        target = parse_event_url(url, allowed_hosts)
        settings = Settings(transport, retry, rate_limit, deadline, on_outcome, hooks)
        super().__init__(settings, RawDoor(target, body_format), target)

    @classmethod
    def from_env(cls, **options: Unpack[RawOptions]) -> Self:
        """Make a sender from `SENDPULSE_EVENT_URL`.

        Args:
            **options: The constructor's keywords.

        Raises:
            ConfigurationError: The variable is not set, or a setting is wrong.
        """
        return cls(from_environment("SENDPULSE_EVENT_URL", "the event's URL, from its page in SendPulse"), **options)

    async def send_event(
        self, event: EventLike, *, event_name: str | None = None, deadline: float | None = None
    ) -> Receipt:
        """Send one event.

        To know what came of an event use `deadline`, not a timeout around the call: a cancelled call returns nothing,
        and only `on_outcome` hears of it.

        Args:
            event: An `Event`, the flat mapping of SendPulse's documentation, or an object of a class with `@event`.
            event_name: None; the URL names the event.
            deadline: Seconds for all of this call; None: the sender's; `math.inf`: none.

        Returns:
            SendPulse's word that it took the event.

        Raises:
            InvalidEventError: It cannot be sent as it is, or it has a name; nothing was sent.
            DeliveryError: It was not accepted; the class and `status` tell whether it may be sent again.
            ConfigurationError: `deadline` is no positive number; nothing was sent.
        """
        return await self._one(event, event_name, deadline)

    own_verb: ClassVar[OwnVerb] = send_event

    def __repr__(self) -> str:
        return f"RawEventSender({self._target})"
