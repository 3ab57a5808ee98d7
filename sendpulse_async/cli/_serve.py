"""`sandbox`: the stand-in for SendPulse in the foreground."""

from __future__ import annotations

import re
from typing import Any

import attrs

from .. import ConfigurationError
from ..sandbox import Sandbox, Switches
from ._consoles import complain, how_to_call, open_stdout
from ._exit_codes import ExitCode

_LIMITS = {"requests_per_second": 10, "requests_per_minute": 1000}
"""SendPulse's own."""
_WORDS = {"true": True, "false": False, "none": None}
_NUMBER = re.compile(r"\d{1,10}(\.\d{1,6})?", re.ASCII)


@attrs.frozen(kw_only=True)
class Place:
    """Where it listens, and whom it serves."""

    host: str
    port: int
    allow_remote: bool
    allowed_hosts: tuple[str, ...]


def serve(place: Place, switches: Switches) -> ExitCode:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        ConfigurationError: It cannot listen there.
    """
    try:
        sandbox = Sandbox(**attrs.asdict(place), switches=switches)
    except ValueError as error:
        text = str(error).replace("allow_remote is set", "--allow-remote is given")
        raise ConfigurationError(f"--{text.replace('allowed_hosts', 'allowed-host')}") from error
    if place.allow_remote:
        complain("--allow-remote: whoever reaches this port can read what arrives and change everything")
    try:
        sandbox.run(_show)
    except OSError as error:
        raise ConfigurationError(f"{error.strerror}; --port 0 takes any free port") from error
    return ExitCode.ACCEPTED


def to_switches(pairs: tuple[str, ...], *, limit: bool, limits: dict[str, int | None]) -> Switches:
    """Return the switches that the options ask for; a later one beats an earlier one.

    Args:
        pairs: `NAME=VALUE` each.
        limit: Whether SendPulse's own limits are on.
        limits: Those that have an option of their own; None where it was not given.

    Raises:
        ConfigurationError: A pair is none, names no switch, or its value makes no sense.
    """
    changes: dict[str, Any] = dict(_LIMITS) if limit else {}
    for name, value in limits.items():
        if value is not None:
            changes[name] = _checked(f"--{name.replace('_', '-')}", name, value)
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign:
            raise ConfigurationError(f"--switch {pair}: write NAME=VALUE, such as refuse_duplicates=true")
        changes[name] = _checked(f"--switch {pair}", name, _read(name, text))
    return Switches(**changes)


def _checked(option: str, name: str, value: Any) -> Any:
    known = [each.name for each in attrs.fields(Switches)]
    if name not in known:
        raise ConfigurationError(f"{option}: no switch has this name; they are {', '.join(known)}")
    try:
        Switches(**{name: value})
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{option}: {error}") from error
    return value


def _read(name: str, text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if name.startswith("known_"):
        return frozenset(part.strip() for part in text.split(",") if part.strip())
    if _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text


def _show(sandbox: Sandbox) -> None:
    console, program = open_stdout(), how_to_call()
    console.say(("The sandbox is at ", "bold"), (sandbox.origin, "bold green"), "; Ctrl-C ends it.")
    console.say("  in a browser:  ", f"{sandbox.origin}/")
    console.say("  what arrived:  ", f"{sandbox.origin}/_sandbox/events")
    console.say()
    console.say("In another terminal, as they are:")
    console.say()
    for name, value in sandbox.environment().items():
        console.say(f"export {name}={value}")
    console.say()
    console.say(f"{program} send --door raw --email ann@example.com --var product=tea")
    console.say(f"{program} send --door name --event-name purchase --email ann@example.com --var product=tea")
