"""The flags that say which queue the commands of a queue mean."""

from __future__ import annotations

from pathlib import Path

import attrs
from cyclopts import Parameter


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class QueueFlags:
    """Which queue it is; RabbitMQ's URL is SENDPULSE_QUEUE_URL.

    Attributes:
        name: The queue's name.
        env_file: A file of SENDPULSE_ variables; they beat those of the environment.
    """

    name: str = "sendpulse"
    env_file: Path | None = None
