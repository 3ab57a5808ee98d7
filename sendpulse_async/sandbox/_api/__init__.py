"""The test API under `/_sandbox/`; GET changes nothing."""

from ._document import DocumentApi
from ._events import EventsApi
from ._export import ExportApi
from ._faults import FaultsApi
from ._replay import ReplayApi
from ._requests import RequestsApi
from ._stats import Stats, StatsApi
from ._stream import StreamApi
from ._switches import SwitchesApi
from ._tokens import TokensApi
from ._wait import WaitApi

__all__ = [
    "DocumentApi",
    "EventsApi",
    "ExportApi",
    "FaultsApi",
    "ReplayApi",
    "RequestsApi",
    "Stats",
    "StatsApi",
    "StreamApi",
    "SwitchesApi",
    "TokensApi",
    "WaitApi",
]
