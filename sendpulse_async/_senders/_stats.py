"""How many events a sender was given, and what came of them."""

from __future__ import annotations

import attrs

from .._errors import OutcomeStatus


@attrs.frozen
class SenderStats:
    """The counts of a sender since it was made: `offered == accepted + rejected + not_sent + unknown + pending`.

    An event that a bulk run puts back until a pause ends is counted once; what an outbox or a queue tries again is
    offered anew.

    Attributes:
        offered: Events that it was given.
        accepted: SendPulse took them.
        rejected: They will not be taken as they are.
        not_sent: Surely not taken.
        unknown: Perhaps taken.
        pending: On their way. One that a `KeyboardInterrupt` broke off stays here, for nobody learns what came of it.
    """

    offered: int = 0
    accepted: int = 0
    rejected: int = 0
    not_sent: int = 0
    unknown: int = 0
    pending: int = 0


class Counts:
    """The making of stats.

    Attributes:
        offered: See `SenderStats`.
    """

    def __init__(self) -> None:
        self.offered = 0
        self._settled = dict.fromkeys(OutcomeStatus, 0)

    def settle(self, status: OutcomeStatus) -> None:
        """Count what came of an event that was offered."""
        self._settled[status] += 1

    def stats(self) -> SenderStats:
        """Return the counts as they are now."""
        settled = {status.value: count for status, count in self._settled.items()}
        return SenderStats(offered=self.offered, pending=self.offered - sum(settled.values()), **settled)
