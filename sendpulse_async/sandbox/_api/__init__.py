"""The test API under `/_sandbox/`; GET changes nothing."""

from ._document import DocumentApi
from ._events import EventsApi
from ._faults import FaultsApi
from ._requests import RequestsApi
from ._stats import Stats, StatsApi
from ._stream import StreamApi
from ._switches import SwitchesApi
from ._tokens import TokensApi

__all__ = [
    "DocumentApi",
    "EventsApi",
    "FaultsApi",
    "RequestsApi",
    "Stats",
    "StatsApi",
    "StreamApi",
    "SwitchesApi",
    "TokensApi",
]
