"""A client of a real Redis whose time is the test's: the script runs there, and takes its clock from the question."""

from __future__ import annotations

import json

import anyio
import redis
from anyio.lowlevel import checkpoint
from fakes import now

from sendpulse_async.stores.redis import _meter
from sendpulse_async.stores.redis._script import SCRIPT

CLOCK = 'redis.call("TIME")'
EPOCH = 1_700_000_000
"""Unix time of Redis's clock where the event loop's is 0."""


class ClockedRedis(_meter.Redis):
    """Asks at once by a client that blocks, since no time may pass on a socket where time jumps.

    Attributes:
        ahead: Seconds by which Redis's clock is before the event loop's, beyond `EPOCH`.
        travel: Seconds that a question takes to Redis, and the answer to come back.
        fault: Raised instead of an answer; or a function of the answer, which changes it.
        is_frozen: Nothing answers.
        connects_in: Seconds that the first question needs besides; whoever gives up sooner has no connection.
        questions: How many were begun.
    """

    def __init__(self, url, clock=now):
        super().__init__()
        self._blocking = redis.Redis.from_url(url)
        self._clock = clock
        self.ahead = 0.0
        self.travel = 0.0
        self.fault = None
        self.is_frozen = False
        self.connects_in = 0.0
        self.questions = 0

    def register_script(self, script):
        assert script.count(CLOCK) == 1
        return super().register_script(script.replace(CLOCK, "cjson.decode(ARGV[2])"))

    async def execute_command(self, *words, **options):
        self.questions += words[0] == "EVALSHA"
        await checkpoint()
        if self.is_frozen:
            await anyio.sleep_forever()
        if isinstance(self.fault, Exception):
            raise self.fault
        await anyio.sleep(self.connects_in)
        self.connects_in = 0.0
        await anyio.sleep(self.travel)
        answer = self.ask(*words)
        await anyio.sleep(self.travel)
        return answer if self.fault is None else self.fault(answer)

    def ask(self, *words):
        if words[0] == "EVALSHA":
            microseconds = round((self._clock() + self.ahead) * 1e6)
            words = (*words, json.dumps([EPOCH + microseconds // 1_000_000, microseconds % 1_000_000]))
        return self._blocking.execute_command(*words)

    def close_blocking(self):
        self._blocking.close()


assert CLOCK in SCRIPT
