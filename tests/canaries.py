"""The secrets, addresses and numbers that the tests send, and what looks for them wherever a person may read."""

from __future__ import annotations

import copy
import logging
import pickle
import re
import traceback

from sendpulse_async.sandbox import Sandbox
from sendpulse_async.sandbox._account import EVENT_PATH

CANARIES = (
    "canary",  # what a test calls a secret of its own
    EVENT_PATH.split("/")[3],
    EVENT_PATH.split("/")[4],
    Sandbox.client_secret,
    Sandbox.api_key,
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9",  # how each of the sandbox's tokens begins
    "@example.com",
    "@test1.com",
    "123456789",
    "15550100",
)
_ANY = re.compile("|".join(map(re.escape, CANARIES)), re.IGNORECASE)


def found_in(*texts: str) -> list[str]:
    """The canaries in some texts, each with what stands around it."""
    return [text[max(0, hit.start() - 60) : hit.end() + 20] for text in texts for hit in _ANY.finditer(text)]


def assert_silent(*texts: str) -> None:
    found = found_in(*texts)
    assert not found, found


def texts_of_error(error: BaseException) -> list[str]:
    """All that a program may write of an error: itself, its copies, its traceback with its causes, its pickle."""
    bare = copy.copy(error)
    bare.__cause__ = bare.__context__ = None  # where Dask was imported, a pickle has these too, connections and all
    pickled = pickle.dumps(bare.with_traceback(None))
    each = (error, pickle.loads(pickled), copy.copy(error))
    return [
        *map(str, each),
        *map(repr, each),
        "".join(traceback.format_exception(error)),
        pickled.decode("latin-1"),
    ]


def own_records(caplog) -> list[logging.LogRecord]:
    """What the library itself logged in a test, but for its lines of single events."""
    return [record for record in caplog.records if record.name == "sendpulse_async" and record.levelname != "DEBUG"]


class LogWatch(logging.Handler):
    """Reads every record of every logger, as a handler of somebody's might write it."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self._format = logging.Formatter("%(name)s %(message)s").format
        self._found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        facts = [fact for name, fact in vars(record).items() if name.startswith("sendpulse_") and isinstance(fact, str)]
        texts = self._format(record), repr(record.args), *facts
        self._found += [f"{record.name}: {text}" for text in found_in(*texts)]

    def take(self) -> list[str]:
        """What was found since the last time."""
        found, self._found = self._found, []
        return found
