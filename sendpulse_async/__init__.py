"""The asyncio client for SendPulse events: every event given to it ends in exactly one honest outcome."""

from ._bulk import OutcomeStream, send_many, stream_many
from ._errors import (
    AuthenticationError,
    ConfigurationError,
    DeliveryError,
    DuplicateEventError,
    EventNotFoundError,
    FailureScope,
    InvalidEventError,
    JournalError,
    NotSentError,
    OutcomeStatus,
    PermissionDeniedError,
    RateLimitedError,
    RejectedError,
    SendPulseError,
    ServiceUnavailableError,
    StoppedError,
    UnknownDeliveryError,
)
from ._events import Event
from ._hooks import Attempt, BulkRun, Hooks, Pause, Sending, TokenRequest
from ._http import Request, Response, Transport, TransportError
from ._journal import Journal
from ._outbox import DeadLetter, Drained, Outbox, OutboxStats
from ._outcomes import BulkError, Outcome, Receipt, Report
from ._policies import RateLimit, RetryPolicy
from ._quota import Quota
from ._senders import AuthorizedEventSender, EventSender, RawEventSender, SenderStats
from ._tokens import ApiKey, ClientCredentials, LockingTokenStore, Token, TokenStore
from ._version import __version__
from ._wire import BodyFormat
from .stores import FileTokenStore, MemoryTokenStore
from .transports.httpx import HttpxTransport
from .typed import EventLike

__all__ = [
    "ApiKey",
    "Attempt",
    "AuthenticationError",
    "AuthorizedEventSender",
    "BodyFormat",
    "BulkError",
    "BulkRun",
    "ClientCredentials",
    "ConfigurationError",
    "DeadLetter",
    "DeliveryError",
    "Drained",
    "DuplicateEventError",
    "Event",
    "EventLike",
    "EventNotFoundError",
    "EventSender",
    "FailureScope",
    "FileTokenStore",
    "Hooks",
    "HttpxTransport",
    "InvalidEventError",
    "Journal",
    "JournalError",
    "LockingTokenStore",
    "MemoryTokenStore",
    "NotSentError",
    "Outbox",
    "OutboxStats",
    "Outcome",
    "OutcomeStatus",
    "OutcomeStream",
    "Pause",
    "PermissionDeniedError",
    "Quota",
    "RateLimit",
    "RateLimitedError",
    "RawEventSender",
    "Receipt",
    "RejectedError",
    "Report",
    "Request",
    "Response",
    "RetryPolicy",
    "SendPulseError",
    "SenderStats",
    "Sending",
    "ServiceUnavailableError",
    "StoppedError",
    "Token",
    "TokenRequest",
    "TokenStore",
    "Transport",
    "TransportError",
    "UnknownDeliveryError",
    "__version__",
    "send_many",
    "stream_many",
]
