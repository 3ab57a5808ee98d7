"""The sandbox as its users hold it: where it is, what it accepts, what arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

import anyio
import anyio.to_thread

from .._expectations import Evidence, SentEvents
from ._account import API_KEY, CLIENT_ID, CLIENT_SECRET, EVENT_PATH
from ._app import App
from ._evidence import refusals, see
from ._guard import Guard
from ._ledger import parse_query
from ._service import Service
from ._state import State
from ._switches import SWITCH_NAMES, Switches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from ._faults import Fault
    from ._ledger import LedgerEntry

_DEFAULT_SWITCHES: Final = Switches()


class Sandbox(SentEvents["LedgerEntry"]):
    """Stand in for SendPulse on this machine, for tests and for trying things out.

    Enter it with `async with` (asyncio or trio) or `with`: it serves in a thread with an event loop of its own until
    it is left, so that a blocked loop of the caller never blocks it. It may be entered again, and keeps what it holds.

    Args:
        host: A loopback address, or `localhost`; with `allow_remote` any address, `0.0.0.0` for all that there are.
        port: The port to listen on. 0: a free one.
        switches: What it does where SendPulse's behaviour is not sure.
        allow_remote: Serve other machines too, under this one's IP addresses. Whoever reaches the port can then read
            what arrived and change everything: it has no passwords.
        allowed_hosts: More names under which it is asked for, without a port, such as a container's.

    Raises:
        TypeError: `allowed_hosts` is one text.
        ValueError: `host` is not loopback, or no address, `port` is none, or `allowed_hosts` holds no names.
    """

    client_id: Final = CLIENT_ID
    """The client id that the token endpoint knows."""
    client_secret: Final = CLIENT_SECRET
    """The secret that goes with it."""
    api_key: Final = API_KEY
    """The static API key that opens the named door."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        switches: Switches = _DEFAULT_SWITCHES,
        allow_remote: bool = False,
        allowed_hosts: Iterable[str] = (),
    ) -> None:
        self._state = State(switches)
        guard = Guard(allow_remote=allow_remote, allowed_hosts=allowed_hosts)
        self._service = Service(App(self._state, guard), host, port, allow_remote=allow_remote)

    @property
    def origin(self) -> str:
        """The scheme, host and port, known once it was entered.

        Raises:
            RuntimeError: It has not been entered yet.
        """
        return self._service.origin

    @property
    def event_url(self) -> str:
        """The demo account's raw event URL; any other well-formed one works too unless `known_hashes` is set."""
        return f"{self.origin}{EVENT_PATH}"

    @property
    def events(self) -> tuple[LedgerEntry, ...]:
        """The accepted events, oldest first: the newest 10,000, in 64 MiB together with what was refused."""
        return self._state.ledger.events

    @property
    def accepted_count(self) -> int:
        """All accepted events, those no longer kept included."""
        return self._state.ledger.accepted_count

    @property
    def refused(self) -> tuple[LedgerEntry, ...]:
        """The event requests that were refused, oldest first, kept like `events`."""
        return self._state.ledger.refused

    def find(self, query: str) -> tuple[LedgerEntry, ...]:
        """Search what arrived, accepted and refused, with the grammar of the sandbox's page.

        Args:
            query: Such as `event:purchase var.total>10 -is:refused`: terms that must all hold. `key:text` contains,
                `key=text` equals, `key>10` compares, `key:` is there, `-` turns a term round, `"quotes"` keep blanks.
                Keys are `email`, `phone`, `event`, `door`, `status`, `code`, `body`, `header.NAME`, `var.PATH`, `is`
                and more; a wrong one is told with all there are.

        Returns:
            The entries that are kept and match, in the order of arrival.

        Raises:
            ValueError: A term is wrong; the text names it, its place, and what to write instead.
        """
        wanted = parse_query(query)
        return tuple(entry for entry in self._state.ledger.requests if wanted.matches(entry))

    @property
    def token_requests(self) -> int:
        """Requests that reached the token endpoint."""
        return self._state.ledger.token_requests

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The faults still to be played, each with the times that are left."""
        return self._state.faults.faults

    @property
    def switches(self) -> Switches:
        """What it does where SendPulse's behaviour is not sure; may be set while it serves."""
        return self._state.switches

    @switches.setter
    def switches(self, switches: Switches) -> None:
        if not isinstance(switches, Switches):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"switches must be Switches, not {type(switches).__name__}")
        self._state.switch({name: getattr(switches, name) for name in SWITCH_NAMES})

    def environment(self) -> dict[str, str]:
        """Return the environment variables that point a client at this sandbox."""
        return {
            "SENDPULSE_EVENT_URL": self.event_url,
            "SENDPULSE_CLIENT_ID": self.client_id,
            "SENDPULSE_CLIENT_SECRET": self.client_secret,
            "SENDPULSE_BASE_URL": self.origin,
        }

    def add_fault(self, fault: Fault) -> int:
        """Put a fault into play; the first that matches a request is played on it.

        Returns:
            Its id, for `remove_fault`.

        Raises:
            ValueError: A thousand are in play already, or they are larger than 16 MiB together.
        """
        return self._state.faults.add(fault).id

    def remove_fault(self, number: int) -> bool:
        """Take one fault out of play; tell whether it was there."""
        return self._state.faults.remove(number)

    def clear_faults(self) -> None:
        """Take all faults out of play."""
        self._state.faults.clear()

    def revoke_tokens(self) -> None:
        """Make every token that was given out invalid."""
        self._state.tokens.revoke_all()

    def clear(self) -> None:
        """Forget what arrived and start the counts anew; tokens and faults stay."""
        self._state.ledger.clear()

    def run(self, on_ready: Callable[[Self], object] | None = None) -> None:
        """Serve in the calling thread, which is the main one, until SIGINT or SIGTERM.

        Args:
            on_ready: Called once it serves.

        Raises:
            OSError: The port is taken; the text names it.
            RuntimeError: It is running already.
        """
        self._service.run(lambda: on_ready(self) if on_ready else None)

    def __enter__(self) -> Self:
        """Serve; return once it does.

        Raises:
            OSError: The port is taken; the text names it.
            RuntimeError: It is running already.
        """
        self._service.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, whatever hangs."""
        self._service.stop()

    async def __aenter__(self) -> Self:
        """Serve, as `__enter__` does."""
        try:
            await anyio.to_thread.run_sync(self._service.start)
        except anyio.get_cancelled_exc_class():
            # The start goes on in its thread: without this a cancelled caller would leave a server behind.
            self._service.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop, as `__exit__` does, a cancelled caller's sandbox too."""
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._service.stop)

    def _evidence(self) -> Evidence[LedgerEntry]:
        events, count = self.events, self.accepted_count
        return Evidence(events, see, lambda: refusals(self.refused), max(0, count - len(events)))

    def _listening(self, call: Callable[[], object]) -> AbstractContextManager[None]:
        return self._state.listeners.listening(call)
