"""A sender without any network: it checks as the real ones do, and keeps what it was given."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Final
from urllib.parse import unquote

import anyio.lowlevel
import attrs
from attrs import field, frozen

from .._arguments import check_whole
from .._contract import NAMED_EVENT_PREFIX
from .._errors import ConfigurationError, SendPulseError
from .._events import Event
from .._expectations import Evidence, Seen, SentEvents, about, contact_in, counted
from .._http import Request, Response, Target
from .._listeners import Listeners
from .._outcomes import Receipt
from .._policies import RetryPolicy
from .._senders import Door, OwnVerb, Sender, Settings, named_door
from .._telling import OnOutcome
from .._wire import BodyFormat, RawDoor, Way
from ..typed import EventLike

_NOWHERE: Final = Target("https", "recorder.invalid", 443, "")
"""Its path is empty, so that a raw event has no name."""
_FAILURES_SHOWN: Final = 3
_ACCEPTED: Final = Response(200, ((b"content-type", b"application/json"),), b'{"result": true}')


@frozen(kw_only=True)
class RecordedEvent:
    """An event that a recorder was given; its repr shows no payload and no whole address.

    Attributes:
        sequence: Its number, from 1, among all that passed the checks.
        event: What was given, as an `Event`.
        event_name: The name that it goes by: the call's, else the event's, else the recorder's; None for a raw one.
        payload: The JSON object that would be sent.
        email: Its e-mail address, or None.
        phone: Its phone number, or None.
        error: What it met, by `fail_with`; None: it was accepted.
    """

    sequence: int
    event: Event
    event_name: str | None
    payload: dict[str, Any] = field(repr=False)
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    error: SendPulseError | None = None


@frozen(eq=False)
class _Kept(Request):
    """A request that knows its event."""

    event: Event = field(kw_only=True)


class _Door:
    """A real sender's door, whose requests tell what they were made of."""

    def __init__(self, inner: Door) -> None:
        self._inner = inner

    def request(self, event: Event, way: Way) -> Request:
        request = self._inner.request(event, way)
        fields = {name: getattr(request, name) for name in attrs.fields_dict(Request)}
        return _Kept(**fields, event=event)

    def address(self, event: Event, event_name: str | None) -> str:
        return self._inner.address(event, event_name)

    def name(self, event: Event | None, event_name: str | None) -> str | None:
        return self._inner.name(event, event_name)


@attrs.define
class _Failure:
    error: SendPulseError
    left: int | None

    def play(self) -> SendPulseError:
        if self.left is not None:
            self.left -= 1
        # Each event gets an error of its own: the sender notes in it how that event fared.
        return copy.copy(self.error)


class _Memory:
    """The network that is none: it takes every request, or fails as it was told to, and keeps the event."""

    def __init__(self) -> None:
        self.listeners = Listeners()
        self.forget()

    def forget(self) -> None:
        self.kept: list[RecordedEvent] = []
        self.failures: deque[_Failure] = deque()
        self.listeners.notify()

    async def send(self, request: Request) -> Response:
        assert isinstance(request, _Kept)  # noqa: S101 - the door above made it
        if request.before_first_byte is not None:
            await request.before_first_byte()
        await anyio.lowlevel.checkpoint()
        request.progress.is_handed_over = True
        error = self._next_error()
        self.kept.append(_recorded(len(self.kept) + 1, request, error))
        self.listeners.notify()
        if error is not None:
            raise error
        return _ACCEPTED

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""

    def _next_error(self) -> SendPulseError | None:
        while self.failures and self.failures[0].left == 0:
            self.failures.popleft()
        return self.failures[0].play() if self.failures else None


def _recorded(sequence: int, request: _Kept, error: SendPulseError | None) -> RecordedEvent:
    payload = request.event.to_payload()
    name = request.target.path.removeprefix(NAMED_EVENT_PREFIX)
    return RecordedEvent(
        sequence=sequence,
        event=request.event,
        event_name=unquote(name) or None,
        payload=payload,
        email=contact_in(payload, "email"),
        phone=contact_in(payload, "phone"),
        error=error,
    )


class Recorder(Sender, SentEvents[RecordedEvent]):
    """An `EventSender` for tests: no network, no server, no account.

    What it is given goes through the same checks as with a real sender, so a wrong event raises `InvalidEventError`;
    what passes them is accepted and kept. It stands wherever a sender does: `send_event`, `send_many`, `stream_many`,
    `Outbox`, on asyncio and trio.

    Args:
        event_name: For events and calls that name none, as with `AuthorizedEventSender`.
        is_raw: Stand for a `RawEventSender`: an event with a name is refused, and names are None.
        body_format: As for `RawEventSender`, with `is_raw` alone: forms refuse a few names of variables.
        on_outcome: As for the senders.

    Raises:
        ConfigurationError: A setting is wrong, or two exclude each other.
    """

    def __init__(
        self,
        *,
        event_name: str | None = None,
        is_raw: bool = False,
        body_format: BodyFormat = BodyFormat.RAW,
        on_outcome: OnOutcome | None = None,
    ) -> None:
        if is_raw and event_name is not None:
            raise ConfigurationError("is_raw and event_name exclude each other: a raw URL names its event")
        if not is_raw and body_format is not BodyFormat.RAW:
            raise ConfigurationError("body_format needs is_raw: events by name are sent as JSON")
        if not isinstance(body_format, BodyFormat):
            raise ConfigurationError("body_format must be a BodyFormat")
        door = RawDoor(_NOWHERE, body_format) if is_raw else named_door(_NOWHERE, event_name)
        self._memory = _Memory()
        super().__init__(Settings(self._memory, RetryPolicy(), None, 30.0, on_outcome), _Door(door), _NOWHERE)
        self._is_raw = is_raw

    @property
    def events(self) -> tuple[RecordedEvent, ...]:
        """The accepted events, oldest first."""
        return tuple(one for one in self._memory.kept if one.error is None)

    @property
    def attempts(self) -> tuple[RecordedEvent, ...]:
        """All events that passed the checks, oldest first: those that met an error of `fail_with` too.

        Among them is what an `UnknownDeliveryError` left open: it is not in `events`, since nobody was told that it
        was taken.
        """
        return tuple(self._memory.kept)

    async def send_event(
        self, event: EventLike, *, event_name: str | None = None, deadline: float | None = None
    ) -> Receipt:
        """Keep one event.

        Args:
            event: An `Event`, the flat mapping of SendPulse's documentation, or an object of a class with `@event`.
            event_name: Beats the event's own, which beats the recorder's.
            deadline: Checked, and otherwise not needed.

        Returns:
            What a real sender returns for an event that was accepted at once.

        Raises:
            InvalidEventError: A real sender would refuse it before sending it.
            SendPulseError: What `fail_with` told it to.
            ConfigurationError: `deadline` is no positive number.
        """
        return await self._one(event, event_name, deadline)

    own_verb: ClassVar[OwnVerb] = send_event

    def fail_with(self, error: SendPulseError, *, times: int | None = 1) -> None:
        """Let the next events that pass the checks meet an error, as after all repeats of a real sender.

        Told several times, it plays one after the other.

        Args:
            error: What `send_event` raises, a copy each time; in a bulk run it makes the event's outcome, and stops
                or pauses the run as it would with a real sender: a `RateLimitedError` for its `retry_after` seconds,
                whereupon the event is tried again.
            times: Events that meet it. None: all, until `clear`.

        Raises:
            ConfigurationError: `error` is no `SendPulseError`, or `times` is not 1 or more.
        """
        if not isinstance(error, SendPulseError):
            raise ConfigurationError("error must be a SendPulseError: a sender raises nothing else")
        if times is not None:
            check_whole("times", times)
        self._memory.failures.append(_Failure(error, times))

    def clear(self) -> None:
        """Forget what was sent, and which errors were to come."""
        self._memory.forget()

    def _evidence(self) -> Evidence[RecordedEvent]:
        return Evidence(self.events, self._see, self._failed)

    def _see(self, one: RecordedEvent) -> Seen:
        return Seen(one.sequence, one.event_name, self._is_raw, one.payload)

    def _failed(self) -> list[str]:
        failed = [(one, one.error) for one in self._memory.kept if one.error is not None]
        if not failed:
            return []
        heading = f"{counted(len(failed), 'event')} met an error of fail_with:"
        latest = failed[-_FAILURES_SHOWN:]
        return [
            heading,
            *(f"  #{one.sequence}  {about(self._see(one))}: {type(error).__name__}" for one, error in latest),
        ]

    def _listening(self, call: Callable[[], object]) -> AbstractContextManager[None]:
        return self._memory.listeners.listening(call)

    def __del__(self) -> None:
        """Say nothing where real senders warn: there is no connection to close."""

    def __repr__(self) -> str:
        return f"Recorder(<{counted(len(self.events), 'event')}>)"
