"""Who wants to know that something changed in a sandbox."""

from __future__ import annotations

from .._listeners import Listeners

__all__ = ["Listeners"]
