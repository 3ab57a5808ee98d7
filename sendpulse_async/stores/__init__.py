"""Where tokens are kept, one file for each kind of place."""

from .file import FileTokenStore
from .memory import MemoryTokenStore

__all__ = ["FileTokenStore", "MemoryTokenStore"]
