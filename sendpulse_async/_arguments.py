"""What an argument must be where no attrs class checks it; what is wrong is named."""

from __future__ import annotations

import math

from ._errors import ConfigurationError


def check_whole(name: str, value: object, minimum: int = 1) -> None:
    """Refuse what is no whole number from `minimum` on."""
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ConfigurationError(f"{name} must be a whole number, at least {minimum}")


def check_seconds(name: str, value: object) -> None:
    """Refuse what is no length of time."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ConfigurationError(f"{name} must be a number of seconds, more than 0")
