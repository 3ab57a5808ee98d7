"""`send`: one event from what the user typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from .. import (
    ConfigurationError,
    DeliveryError,
    Event,
    InvalidEventError,
    Outcome,
    OutcomeStatus,
)
from .._masking import mask_email, mask_phone
from .._senders import SenderOptions
from ._consoles import open_stdout
from ._doors import Door, load_env_file, open_sender
from ._exit_codes import ExitCode, code_of_outcome
from ._interrupts import heartbeat
from ._report import show_outcome

_Repeatable = Parameter(negative=(), show_default=False)


async def send(
    *,
    email: str | None = None,
    phone: str | None = None,
    event_name: str | None = None,
    automation_id: int | None = None,
    var: Annotated[tuple[str, ...], _Repeatable] = (),
    var_json: Annotated[tuple[str, ...], _Repeatable] = (),
    deadline: float | None = None,
    door: Door | None = None,
    env_file: Path | None = None,
) -> ExitCode:
    """Send one event, and say in one line what came of it.

    Args:
        email: The contact's address; this or --phone is needed.
        phone: The contact's number.
        event_name: The event's name, for the door "name"; by default SENDPULSE_EVENT_NAME.
        automation_id: The number after /flow/id/ in the flow's address.
        var: NAME=VALUE, a variable that is text; may be repeated.
        var_json: NAME=JSON, a variable that is a number, a list, an object; may be repeated.
        deadline: Seconds for all of it, repeats included; by default 30.
        door: Where to send if both are set up: raw (the event's own URL) or name (the authorised endpoint).
        env_file: A file of SENDPULSE_ variables; they beat those of the environment.
    """
    variables = _variables(var, var_json)
    load_env_file(env_file)
    told: list[Outcome] = []
    options: SenderOptions = {"on_outcome": told.append}
    if deadline is not None:
        options["deadline"] = deadline
    sender = open_sender(door, event_name, options)
    try:
        event = Event(email=email, phone=phone, variables=variables, automation_id=automation_id)
        with heartbeat():
            async with sender:
                await sender.send_event(event)
    except InvalidEventError as error:
        told = told or [Outcome(0, None, OutcomeStatus.REJECTED, error=error)]
    except DeliveryError:
        pass  # `told` has it
    finally:  # a cancelled event has its outcome too
        for outcome in told:
            show_outcome(open_stdout(), outcome, _masked(email, phone))
    return code_of_outcome(told[0])


def _masked(email: str | None, phone: str | None) -> str:
    if email:
        return mask_email(email)
    return mask_phone(phone) if phone else "the event"


def _variables(texts: tuple[str, ...], jsons: tuple[str, ...]) -> dict[str, Any]:
    pairs = [*_pairs("--var", texts)]
    for name, text in _pairs("--var-json", jsons):
        try:
            pairs.append((name, json.loads(text)))
        except (ValueError, RecursionError):
            raise ConfigurationError(f"--var-json {name}: the value is not JSON; text needs quotes, or --var") from None
    variables = dict(pairs)
    if len(variables) < len(pairs):
        raise ConfigurationError("--var and --var-json give a variable twice")
    return variables


def _pairs(option: str, texts: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    for place, text in enumerate(texts, 1):
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise ConfigurationError(f"{option} number {place} is not NAME={'JSON' if 'json' in option else 'VALUE'}")
        yield name, value
