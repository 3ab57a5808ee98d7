"""A SQLite file for one process, with group commit: what journals and outboxes are kept in."""

from ._database import Database
from ._file import FileKind

__all__ = ["Database", "FileKind"]
