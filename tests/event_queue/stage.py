"""A queue on real servers, its workers in this process or in processes of their own, and waits that have a bound."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
from aio_pika import connect
from redis.asyncio import Redis
from taskiq.receiver import Receiver

from sendpulse_async._journal import identify_message
from sendpulse_async.integrations.taskiq import EventQueue, QueueStats
from sendpulse_async.integrations.taskiq._logs import discreet
from sendpulse_async.stores.redis import RedisDeliveryLog

from .events import Orders

PATIENCE = 60
"""Seconds after which a test gives up; none waits for as long as that."""
HERE = Path(__file__).parent
EMPTY = QueueStats(waiting=0, delayed=0, dead=0, workers=0)
QUICK = {"retry_delay": 0.3, "grace": 1.0}


def event(number=0, **more):
    return {"email": "someone@example.com", "n": number, **more}


async def until(is_true, what="it"):
    """Look again and again until something is true."""
    async with asyncio.timeout(PATIENCE):
        while not is_true():
            await asyncio.sleep(0.01)


async def nobody():
    raise AssertionError("no worker was to begin")


class WorkerProcess:
    """`taskiq worker` with one child, a process group of its own."""

    def __init__(self, orders, output, *arguments):
        self._output = Path(output)
        told = {"EVENT_QUEUE_ORDERS": json.dumps(attrs.asdict(orders)), "PYTHONWARNINGS": "error::ResourceWarning"}
        command = [sys.executable, "-m", "taskiq", "worker", "event_queue.events:broker", "--workers", "1", *arguments]
        with self._output.open("ab") as file:
            self._process = subprocess.Popen(
                command, cwd=HERE.parent, env=os.environ | told, stdout=file, stderr=file, start_new_session=True
            )

    @property
    def said(self):
        return self._output.read_text(errors="replace")

    def kill(self):
        """End it and its child, as nothing can be caught or finished."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE)

    def terminate(self):
        """Tell it to end."""
        self._process.send_signal(signal.SIGTERM)

    def wait(self):
        return self._process.wait(PATIENCE)

    def end(self):
        if self._process.poll() is None:
            self.terminate()
            self.wait()


class Stage:
    """One queue of a name of its own.

    Attributes:
        processes: The workers that were begun.
    """

    def __init__(self, rabbitmq, redis, folder):
        self.amqp = rabbitmq.url
        self.redis = redis.url
        self.name = f"q-{secrets.token_hex(4)}"
        self.processes = []
        self._folder = folder
        self._queues = []

    def orders(self, address, *, amqp=None, deadline=5.0, patience=5.0, **queue):
        return Orders(amqp or self.amqp, self.redis, address, self.name, deadline, patience, {**QUICK, **queue})

    def process(self, orders, *arguments):
        """Begin a worker in a process of its own."""
        output = self._folder / f"worker{len(self.processes)}"
        self.processes.append(WorkerProcess(orders, output, *arguments))
        return self.processes[-1]

    @asynccontextmanager
    async def worker(self, orders):
        """Run a worker in this event loop until the block ends, and let it end in order; return its queue."""
        queue, finish = orders.made(), asyncio.Event()
        broker = queue.broker
        broker.is_worker_process = True
        task = asyncio.create_task(Receiver(broker, max_async_tasks=100).listen(finish))
        try:
            await until(lambda: task.done() or broker.line is not None)
            yield queue
        finally:
            finish.set()
            try:
                await asyncio.wait_for(task, PATIENCE)
            finally:
                await broker.shutdown()

    async def settle(self, address):
        """Let workers begin and end until none has an event in its hands, where no count sees it; return the counts."""
        async with asyncio.timeout(PATIENCE), self.queue() as queue:
            while (stats := await queue.stats()).waiting + stats.delayed + stats.workers:
                async with self.worker(self.orders(address)):
                    await until_stats(queue, lambda stats: not stats.waiting + stats.delayed)
        return stats

    async def drain(self, address):
        """Let workers begin and end until nothing is left, no dead letter either."""
        assert await self.settle(address) == EMPTY

    @asynccontextmanager
    async def channel(self):
        """RabbitMQ without the library."""
        with discreet():
            connection = await connect(self.amqp)
            async with connection, connection.channel() as channel:
                yield channel

    def queue(self, *, amqp=None, **options):
        """The queue in a process that is no worker."""
        return EventQueue(amqp or self.amqp, nobody, name=self.name, **{**QUICK, **options})

    @asynccontextmanager
    async def log(self):
        """The workers' delivery log."""
        async with Redis.from_url(self.redis) as redis:
            yield RedisDeliveryLog(redis, name=self.name)

    async def claim(self, key, address, generation=0):
        """Leave in the log what a worker leaves that dies while it sends."""
        async with self.log() as log, log.run() as run:
            await run.claim(identify_message(key, generation, address))


async def until_stats(queue, is_true):
    """Count again and again until something holds; return the counts."""
    async with asyncio.timeout(PATIENCE):
        while not is_true(stats := await queue.stats()):
            await asyncio.sleep(0.05)
    return stats


async def letters_of(queue):
    """The dead letters by the numbers of their events."""
    return {letter.event.variables["n"]: letter async for letter in queue.dead_letters()}
