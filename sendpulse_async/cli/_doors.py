"""Chooses the door and opens the sender, from the environment and an `--env-file`."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path

import dotenv

from .. import AuthorizedEventSender, ConfigurationError, RawEventSender
from .._senders import SenderOptions

_PREFIX = "SENDPULSE_"
_EVENT_URL = "SENDPULSE_EVENT_URL"
_ACCOUNT = ("SENDPULSE_API_KEY", "SENDPULSE_CLIENT_ID", "SENDPULSE_CLIENT_SECRET")
_EVENT_NAME = "SENDPULSE_EVENT_NAME"


class Door(Enum):
    """The two ways into SendPulse."""

    RAW = "raw"
    """The event's own URL."""
    NAME = "name"
    """The authorised endpoint, which takes events by name."""


def load_env_file(path: Path | None) -> None:
    """Take the `SENDPULSE_` variables of a file into the environment; they beat those that are there.

    Other variables are left alone: an `.env` file of a whole project must not change how this program runs.

    Raises:
        ConfigurationError: The file cannot be read.
    """
    if path is None:
        return
    try:
        with path.open(encoding="utf-8-sig") as file:
            values = dotenv.dotenv_values(stream=file, interpolate=False)  # a secret may hold ${
    except OSError as error:
        raise ConfigurationError(f"--env-file {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"--env-file {path}: not UTF-8") from None
    os.environ.update({name: value for name, value in values.items() if value is not None and name.startswith(_PREFIX)})


def open_sender(
    door: Door | None, event_name: str | None, options: SenderOptions
) -> RawEventSender | AuthorizedEventSender:
    """Make the sender that the environment, or `--door`, asks for.

    Raises:
        ConfigurationError: The environment says too little or too much, or a setting is wrong.
        InvalidEventError: The event's name cannot be one.
    """
    if (door or _door_of_environment()) is Door.RAW:
        if event_name is not None:
            raise ConfigurationError("--event-name goes with --door name: a raw event URL names its event already")
        return RawEventSender.from_env(**options)
    if event_name is None and not os.environ.get(_EVENT_NAME):
        raise ConfigurationError(f"the event needs a name: give --event-name, or set {_EVENT_NAME}")
    if event_name is None:
        return AuthorizedEventSender.from_env(**options)
    return AuthorizedEventSender.from_env(event_name=event_name, **options)


def _door_of_environment() -> Door:
    has_url = _is_set(_EVENT_URL)
    has_account = any(_is_set(name) for name in _ACCOUNT)
    if has_url and has_account:
        account = next(name for name in _ACCOUNT if _is_set(name))
        raise ConfigurationError(f"{_EVENT_URL} and {account} are both set: choose with --door raw or --door name")
    if not has_url and not has_account:
        raise ConfigurationError(
            f"no way into SendPulse is set: set {_EVENT_URL}, or SENDPULSE_CLIENT_ID and SENDPULSE_CLIENT_SECRET, "
            "or SENDPULSE_API_KEY, in the environment or in a file for --env-file"
        )
    return Door.RAW if has_url else Door.NAME


def _is_set(name: str) -> bool:
    return bool(os.environ.get(name, "").strip())
