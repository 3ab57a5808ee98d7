"""How many examples a random test plays: some in every run, and as many times more as `THOROUGH` says."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("THOROUGH", "1"))


def examples(count: int, **options) -> settings:
    """Settings for so many examples; where `CI` is set the same ones each time, so that no run fails by chance."""
    return settings(
        max_examples=count * TIMES,
        deadline=None,
        database=None,
        derandomize=bool(os.environ.get("CI")) and TIMES == 1,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
        **options,
    )
