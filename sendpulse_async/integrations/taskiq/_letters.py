"""What can be done about dead letters: look at them, and put them back."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import attrs
from aio_pika.abc import AbstractIncomingMessage

from ..._errors import OutcomeStatus
from ._line import Line, asking
from ._messages import Queued, letter_of
from ._values import DeadLetter


async def dead_letters(line: Line) -> AsyncGenerator[DeadLetter, None]:
    """Yield each dead letter once; see `EventQueue.dead_letters`."""
    shown: set[str] = set()
    async with aclosing(line.dead_messages()) as messages:
        async for message in messages:
            letter = letter_of(message)
            if letter.key not in shown:
                yield letter
            if letter.key is not None:
                shown.add(letter.key)


@attrs.define
class Replay:
    """Puts dead letters back; see `EventQueue.replay`."""

    line: Line
    resend_unknown: bool
    limit: int | None
    _generations: dict[str, int] = attrs.field(factory=dict[str, int], init=False)

    async def run(self) -> int:
        """Return how many were put back."""
        async with aclosing(self.line.dead_messages()) as messages:
            async for message in messages:
                await self._look_at(message)
                if len(self._generations) == self.limit:
                    break
        return len(self._generations)

    async def _look_at(self, message: AbstractIncomingMessage) -> None:
        letter, queued = letter_of(message), Queued.of(message)
        if letter.key is None or (letter.status is OutcomeStatus.UNKNOWN and not self.resend_unknown):
            return
        if letter.key not in self._generations:
            await self.line.put(queued.again(letter))
            self._generations[letter.key] = letter.generation
        elif self._generations[letter.key] != letter.generation:
            return  # it is no copy, but died once more
        async with asking(self.line.options, "may show a dead letter again that was put back"):
            await message.ack()
