"""Who hears what a sender does while it works."""

from ._audience import Audience, Watch
from ._hooks import Hooks
from ._values import Attempt, BulkRun, Pause, Sending, TokenRequest

__all__ = ["Attempt", "Audience", "BulkRun", "Hooks", "Pause", "Sending", "TokenRequest", "Watch"]
