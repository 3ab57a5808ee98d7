"""Events that are kept until SendPulse has them."""

from ._outbox import Outbox
from ._values import DeadLetter, Drained, OutboxStats

__all__ = ["DeadLetter", "Drained", "Outbox", "OutboxStats"]
