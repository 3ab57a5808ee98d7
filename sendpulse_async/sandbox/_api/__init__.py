"""The test API under `/_sandbox/`; GET changes nothing."""

from ._document import DocumentApi
from ._events import EventsApi
from ._faults import FaultsApi
from ._switches import SwitchesApi
from ._tokens import TokensApi

__all__ = ["DocumentApi", "EventsApi", "FaultsApi", "SwitchesApi", "TokensApi"]
