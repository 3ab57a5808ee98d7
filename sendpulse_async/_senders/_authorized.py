"""The sender for SendPulse's authorised endpoint, which takes events by name."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import ClassVar, Self, Unpack

from .._auth import AuthorizingSender, StaticKey, TokenEndpoint, TokenManager
from .._contract import DEFAULT_BASE_URL
from .._errors import ConfigurationError, InvalidEventError
from .._hooks import Hooks
from .._http import Target, Transport
from .._outcomes import Receipt
from .._policies import RetryPolicy
from .._telling import OnOutcome
from .._tokens import ApiKey, ClientCredentials, TokenStore
from .._wire import NamedDoor, TokenDoor, parse_base_url
from ..typed import EventLike
from ._sender import OwnVerb, Sender
from ._settings import RateLimitChoice, SenderOptions, Settings, from_environment

Auth = ClientCredentials | ApiKey


class AuthorizedOptions(SenderOptions, total=False):
    """The keywords of `AuthorizedEventSender`."""

    event_name: str | None
    base_url: str
    token_store: TokenStore | None


class AuthorizedEventSender(Sender):
    """Sends events by name, with a token that it fetches, keeps and swaps by itself, or with an API key.

    One sender serves a whole program, from module scope too: nothing starts before the first event, no token is
    fetched before one is needed, and each event loop gets connections of its own.

    Args:
        auth: `ClientCredentials(client_id, client_secret)` or `ApiKey(key)`.
        event_name: For events and calls that name none.
        base_url: `https://api.sendpulse.com`, a host in `allowed_hosts`, or plain http to a loopback address.
        token_store: Where other processes find the token, and leave theirs; None: this sender's memory alone.
        transport: Instead of an `HttpxTransport()` of its own; it stays open when the sender is closed.
        retry: When to repeat; the default never sends an event twice.
        rate_limit: A limit, a `Quota` shared with other senders, or None for none. By default ten requests a second
            on SendPulse's own hosts, none elsewhere.
        deadline: Seconds for one event, token, queueing, pauses and repeats included; `math.inf` for none.
        allowed_hosts: Other hosts that events may go to, over https.
        on_outcome: Called once with the `Outcome` of each event, a cancelled one's too; sync or async. Its own time
            comes on top of the deadline.
        hooks: Hear what it does: attempts, pauses, tokens, outcomes, runs.

    Raises:
        ConfigurationError: A setting is wrong; the text names it.
    """

    def __init__(
        self,
        auth: Auth,
        *,
        event_name: str | None = None,
        base_url: str = DEFAULT_BASE_URL,
        token_store: TokenStore | None = None,
        transport: Transport | None = None,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - a frozen value
        rate_limit: RateLimitChoice = ...,
        deadline: float = 30.0,
        allowed_hosts: Collection[str] = frozenset(),
        on_outcome: OnOutcome | None = None,
        hooks: Sequence[Hooks] = (),
    ) -> None:
        if not isinstance(auth, ClientCredentials | ApiKey):
            raise ConfigurationError("auth must be ClientCredentials or an ApiKey")
        if token_store is not None and (isinstance(token_store, type) or not isinstance(token_store, TokenStore)):
            raise ConfigurationError("token_store must have load and save")
        base = parse_base_url(base_url, allowed_hosts)
        settings = Settings(transport, retry, rate_limit, deadline, on_outcome, hooks)
        super().__init__(settings, named_door(base, event_name), base)
        self._tokens = self._token_source(auth, base, token_store)
        self._pile = AuthorizingSender(self._retrying, self._tokens)

    @classmethod
    def from_env(cls, **options: Unpack[AuthorizedOptions]) -> Self:
        """Make a sender from the environment.

        Reads `SENDPULSE_API_KEY`, or `SENDPULSE_CLIENT_ID` and `SENDPULSE_CLIENT_SECRET`; and `SENDPULSE_EVENT_NAME`
        and `SENDPULSE_BASE_URL` where `options` do not say.

        Args:
            **options: The constructor's keywords.

        Raises:
            ConfigurationError: A variable is missing, there are two ways to authorise, or a setting is wrong.
        """
        if "event_name" not in options and (name := _variable("SENDPULSE_EVENT_NAME")):
            options["event_name"] = name
        if "base_url" not in options and (base_url := _variable("SENDPULSE_BASE_URL")):
            options["base_url"] = base_url
        return cls(_auth_from_environment(), **options)

    async def send_event(
        self, event: EventLike, *, event_name: str | None = None, deadline: float | None = None
    ) -> Receipt:
        """Send one event.

        To know what came of an event use `deadline`, not a timeout around the call: a cancelled call returns nothing,
        and only `on_outcome` hears of it.

        Args:
            event: An `Event`, the flat mapping of SendPulse's documentation, or an object of a class with `@event`.
            event_name: Beats the event's own, which beats the sender's.
            deadline: Seconds for all of this call; None: the sender's; `math.inf`: none.

        Returns:
            SendPulse's word that it took the event.

        Raises:
            InvalidEventError: It cannot be sent as it is, or nobody names it; nothing was sent.
            DeliveryError: It was not accepted; the class and `status` tell whether it may be sent again.
            ConfigurationError: `deadline` is no positive number; nothing was sent.
        """
        return await self._one(event, event_name, deadline)

    own_verb: ClassVar[OwnVerb] = send_event

    async def aclose(self) -> None:
        """Close what this sender opened, and end a token request that is under way."""
        try:
            await self._tokens.aclose()
        finally:  # who is cancelled while a token request ends has closed the connections all the same
            await super().aclose()

    def _token_source(self, auth: Auth, base: Target, store: TokenStore | None) -> StaticKey | TokenManager:
        if isinstance(auth, ApiKey):
            return StaticKey(auth)
        endpoint = TokenEndpoint(auth, TokenDoor(base), self._transport, on_request=self.audience.token)
        return TokenManager(endpoint, store, next_place=self.quota.next_place)

    def __repr__(self) -> str:
        return f"AuthorizedEventSender({self._target})"


def named_door(base: Target, event_name: str | None) -> NamedDoor:
    """Return the door for events by name.

    Raises:
        ConfigurationError: `event_name` cannot be one.
    """
    try:
        return NamedDoor(base, event_name)
    except InvalidEventError as error:
        raise ConfigurationError(str(error)) from None


def _variable(name: str) -> str:
    return os.environ.get(name, "").strip()


def _auth_from_environment() -> Auth:
    key = _variable("SENDPULSE_API_KEY")
    if not key:
        purpose = "the id and the secret of SendPulse's REST API; or set SENDPULSE_API_KEY alone"
        client_id = from_environment("SENDPULSE_CLIENT_ID", purpose)
        return ClientCredentials(client_id, from_environment("SENDPULSE_CLIENT_SECRET", purpose))
    for other in ("SENDPULSE_CLIENT_ID", "SENDPULSE_CLIENT_SECRET"):
        if _variable(other):
            raise ConfigurationError(f"SENDPULSE_API_KEY and {other} are both set: unset what is not to be used")
    return ApiKey(key)
