"""All that one sandbox knows, shared by its doors, its test API and its page."""

from __future__ import annotations

import threading
from typing import Any

from attrs import define, evolve, field

from .._listeners import Listeners
from ._account import TokenDesk
from ._faults import FaultBoard
from ._ledger import Ledger
from ._limiter import Limiter
from ._switches import Switches, require_known


@define(eq=False)
class State:
    """What a sandbox was told, and what it remembers.

    Attributes:
        switches: What it does where SendPulse's behaviour is not sure; changed by `switch` alone.
        listeners: Told of each change of what follows.
        ledger: What arrived.
        faults: The faults in play.
        tokens: The tokens that were given out.
        limiter: What each account sent lately.
    """

    switches: Switches
    listeners: Listeners = field(factory=Listeners, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)
    ledger: Ledger = field(init=False)
    faults: FaultBoard = field(init=False)
    tokens: TokenDesk = field(init=False)
    limiter: Limiter = field(factory=Limiter, init=False)

    def __attrs_post_init__(self) -> None:
        self.ledger = Ledger(self.listeners)
        self.faults = FaultBoard(self.listeners)
        self.tokens = TokenDesk(lambda: self.switches)

    def switch(self, changes: dict[str, Any]) -> None:
        """Change some switches, or none where one of the changes is wrong.

        Raises:
            TypeError: A value is of the wrong kind.
            ValueError: A name is unknown, or a value makes no sense.
        """
        require_known(changes)
        with self._lock:
            self.switches = evolve(self.switches, **changes)
        self.listeners.notify()
