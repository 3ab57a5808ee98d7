"""Random outcomes, restarts and second chances: the counts always balance, and nothing is sent twice by itself."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

from examples import examples
from fakes import LOST, NO_CONNECTION, SILENCE, SILENCE_BEFORE, answer
from hypothesis import given
from hypothesis import strategies as st

from .stage import BROKEN, FORBIDDEN, REFUSED, Stage, event, settled

STEPS = {
    "accepted": answer(),
    "rejected": REFUSED,
    "unknown": BROKEN,
    "lost": LOST,
    "refused connection": NO_CONNECTION,
    "forbidden": FORBIDDEN,
    "silence": SILENCE,
    "silence before": SILENCE_BEFORE,
}
MAY_BE_TAKEN = {"accepted", "unknown", "lost", "silence"}


class Run:
    """One outbox's life, as an example says."""

    def __init__(self, path, steps):
        self.stage = Stage(path)
        self.steps = iter(steps)
        self.taken = Counter()
        self.put = 0
        self.requeued = Counter()
        self.stage.script = self.play
        self.stage.sender = self.stage.sender_on(deadline=0.02)
        self.outbox = None
        self.name = ""

    def play(self, number):
        self.count()
        self.name = next(self.steps, "accepted")
        return STEPS[self.name]

    def count(self):
        """Count what the latest request may have brought to the other side."""
        left = self.stage.transport.left
        if left and self.name in MAY_BE_TAKEN:
            self.taken[left[-1]] += 1
        left.clear()

    async def open(self):
        self.outbox = self.stage.outbox()
        await self.outbox.open()
        self.outbox._session._delivery._turns.jitter = lambda: 0.0

    async def check(self):
        stats = None
        while stats != (stats := await self.outbox.stats()):  # until nothing happened between the two looks
            assert stats.put == self.put == stats.accepted + stats.dead + stats.pending
            letters = await self.outbox.dead_letters(1000)
        assert len(letters) == stats.dead
        assert sum(letter.status.value == "unknown" for letter in letters) == stats.unknown

    async def act(self, action):
        if action == "put":
            await self.outbox.put(event(self.put))
            self.put += 1
        elif action == "drain":
            await settled(self.outbox)
        elif action == "restart":
            await self.outbox.aclose(drain=0)
            await self.open()
        else:
            for letter in await self.outbox.dead_letters(2):
                self.requeued[letter.event.variables["n"]] += letter.status.value == "unknown"
                await self.outbox.requeue(letter)
        await self.check()

    async def live(self, actions):
        await self.open()
        for action in actions:
            await self.act(action)
        self.steps = iter(())
        stats = await settled(self.outbox)
        await self.check()
        await self.outbox.aclose()
        await self.stage.aclose()
        self.count()
        assert all(self.taken[number] <= 1 + self.requeued[number] for number in range(self.put))
        assert stats.accepted + stats.dead == self.put


ACTIONS = st.lists(st.sampled_from(["put", "put", "put", "drain", "restart", "requeue"]), max_size=20)


@examples(40)
@given(ACTIONS, st.lists(st.sampled_from(sorted(STEPS)), max_size=30), st.booleans())
def test_the_counts_balance_whatever_happens(actions, steps, has_file):
    """`put == accepted + dead + pending` at every moment; who was not put back is taken once at most; none is lost."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(Run(Path(folder) / "outbox" if has_file else None, steps).live(actions))
