"""The asyncio client for SendPulse events."""

from ._version import __version__

__all__ = ["__version__"]
