"""What a queue can be told, checked when it is made."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import attrs

from ..._arguments import check_seconds, check_whole
from ..._errors import ConfigurationError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


@attrs.frozen
class Options:
    """The checked arguments of an `EventQueue`; see there."""

    url: str = attrs.field(repr=False)
    name: str = "sendpulse"
    retry_delay: float = 10.0
    max_in_flight: int = 32
    grace: float = 30.0
    patience: float = 10.0

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.url, str) or not _is_amqp(self.url):
            raise ConfigurationError("the queue's URL must be amqp://user:password@host/vhost, or amqps://")
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise ConfigurationError("name must be letters, digits, dots, hyphens and underscores")
        for name in ("retry_delay", "grace", "patience"):
            check_seconds(name, getattr(self, name))
        check_whole("max_in_flight", self.max_in_flight)
        if self.max_in_flight > 65_535:  # the room that AMQP has for it
            raise ConfigurationError("max_in_flight must be 65,535 at most")

    @property
    def delayed(self) -> str:
        """The name of the queue in which events wait until they are tried again."""
        return f"{self.name}.delay"

    @property
    def dead(self) -> str:
        """The name of the queue of dead letters."""
        return f"{self.name}.dead"


def _is_amqp(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"amqp", "amqps"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
