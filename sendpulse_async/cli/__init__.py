"""The command line: each command shows what the library does, and reads its settings as that does."""

from ._app import run

__all__ = ["run"]
