"""Events as taskiq tasks on RabbitMQ: any process puts them, `taskiq worker`s deliver them."""

from ._queue import EventQueue
from ._values import DeadLetter, QueueStats

__all__ = ["DeadLetter", "EventQueue", "QueueStats"]
