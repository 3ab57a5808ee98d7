"""The command line: `demo`, `sandbox`, `send` and `send-many`."""

from ._app import run

__all__ = ["run"]
