"""What your own tests need: a recorder, which is a sender without a network, and the sandbox, which is a server.

`Sandbox`, `Fault` and `Switches` need `pip install 'sendpulse-async[sandbox]'`, once they are asked for; `Recorder`
needs nothing more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._recorder import RecordedEvent, Recorder

if TYPE_CHECKING:
    from ..sandbox import Fault, LedgerEntry, Sandbox, Switches

__all__ = ["Fault", "LedgerEntry", "RecordedEvent", "Recorder", "Sandbox", "Switches"]

_OF_THE_SANDBOX = frozenset({"Fault", "LedgerEntry", "Sandbox", "Switches"})
_NEEDED = frozenset({"starlette", "uvicorn"})


def __getattr__(name: str) -> Any:
    if name not in _OF_THE_SANDBOX:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from .. import sandbox  # noqa: PLC0415 - an extra, needed by those who ask for it
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package not in _NEEDED:
            raise
        text = f"{name} needs {package}: pip install 'sendpulse-async[sandbox]'"
        raise ModuleNotFoundError(text, name=package) from missing
    return getattr(sandbox, name)
