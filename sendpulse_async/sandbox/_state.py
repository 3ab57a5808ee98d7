"""All that one sandbox knows, shared by its doors, its test API and its page."""

from __future__ import annotations

from attrs import define, field

from ._account import TokenDesk
from ._faults import FaultBoard
from ._ledger import Ledger
from ._listeners import Listeners
from ._switches import Switches


@define(eq=False)
class State:
    """What a sandbox was told, and what it remembers.

    Attributes:
        switches: What it does where SendPulse's behaviour is not sure; replaced as a whole.
        listeners: Told of each change of what follows.
        ledger: What arrived.
        faults: The faults in play.
        tokens: The tokens that were given out.
    """

    switches: Switches
    listeners: Listeners = field(factory=Listeners, init=False)
    ledger: Ledger = field(init=False)
    faults: FaultBoard = field(init=False)
    tokens: TokenDesk = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.ledger = Ledger(self.listeners)
        self.faults = FaultBoard(self.listeners)
        self.tokens = TokenDesk(lambda: self.switches)
