"""The test API under `/_sandbox/`; GET changes nothing."""

from ._events import EventsApi
from ._faults import FaultsApi

__all__ = ["EventsApi", "FaultsApi"]
