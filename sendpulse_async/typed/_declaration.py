"""The decorator that makes a class an event, and what it leaves on the class."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, TypeVar
from uuid import UUID

import attrs
import cattrs

from .._errors import ConfigurationError, InvalidEventError
from .._events import Event
from .._wire import named_event_path
from ._hints import LaterError
from ._marks import EVENT_ID_FIELD
from ._plan import Plan, planned

T = TypeVar("T")

_ATTRIBUTE: Final = "__sendpulse_event__"


@attrs.define(eq=False, repr=False)
class Declaration:
    """What the decorator said of a class.

    Attributes:
        kind: The class.
        name: The event's name.
        converter: See `event`.
    """

    kind: type[Any]
    name: str | None
    converter: cattrs.Converter | None = None
    _plan: Plan | None = None

    def plan(self) -> Plan:
        """Return how objects of the class are read.

        Raises:
            InvalidEventError: They cannot be read, since the class is wrong.
            LaterError: An annotation names what is not there yet.
        """
        if self._plan is None:
            problems: list[str] = []
            plan = planned(self.kind, self.converter, problems)
            if problems:
                raise InvalidEventError(problems)
            self._plan = plan
        return self._plan

    def read(self, given: Any) -> Event:
        """Return an object of the class as an event, a copy of its own.

        Raises:
            InvalidEventError: It cannot be one; problems begin with the path in the class.
        """
        try:
            plan = self.plan()
        except LaterError as missing:
            raise InvalidEventError([f"{missing}: import it at run time, too, or call attrs.resolve_types"]) from None
        own, variables = self._values(plan, given)
        try:
            return Event(**own, variables=variables, event_name=self.name)
        except InvalidEventError as error:
            raise InvalidEventError([plan.path_of(problem) for problem in error.problems]) from None

    def _values(self, plan: Plan, given: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            values = plan.values(given)
            plain = values[plan.first_variable :]
            if plan.hooks is not None:
                plain = tuple(hook(value) for hook, value in zip(plan.hooks, plain, strict=True))
        except InvalidEventError:
            raise
        except Exception as fault:  # noqa: BLE001 - a class of the caller's own may raise anything when it is read
            raise InvalidEventError([_unreadable(given, fault)]) from None
        own = dict(zip(plan.parts, values[1:], strict=False))
        if EVENT_ID_FIELD in own:
            own[EVENT_ID_FIELD] = _identity(own[EVENT_ID_FIELD])
        return own, dict(zip(plan.variables, plain, strict=True))


def _identity(value: object) -> object:
    is_plain = isinstance(value, int | UUID) and not isinstance(value, bool | Enum)
    return str(value) if is_plain else value


def _unreadable(given: Any, fault: Exception) -> str:
    if isinstance(fault, AttributeError) and fault.obj is given:
        return f"{fault.name}: has no value"
    return f"event: reading the {type(given).__name__} raised {type(fault).__name__}"


def declaration_of(given: object) -> Declaration | None:
    """Return what is declared of the object's class; None: it is no event of the caller's own."""
    kind = type(given)
    found = getattr(kind, _ATTRIBUTE, None)
    if not isinstance(found, Declaration):
        return None
    if found.kind is not kind:  # a subclass, or a copy that a decorator made: its fields are its own
        found = Declaration(kind, found.name, found.converter)
        setattr(kind, _ATTRIBUTE, found)
    return found


def read_declared(given: object) -> Event | None:
    """Return an object of a declared class as an event; None: it is no object of the caller's own class.

    Raises:
        InvalidEventError: It cannot be an event, or its class was not declared as one.
    """
    declaration = declaration_of(given)
    if declaration is not None:
        return declaration.read(given)
    if isinstance(given, type):
        raise InvalidEventError([f"event: is the class {given.__name__}; give an object of an event's class"])
    kind = type(given)
    if (attrs.has(kind) or dataclasses.is_dataclass(kind)) and not isinstance(given, Mapping):
        raise InvalidEventError([f"event: {kind.__name__} is not declared as one; put @event above its class"])
    return None


def event(name: str | None = None, *, converter: cattrs.Converter | None = None) -> Callable[[type[T]], type[T]]:
    """Make an attrs class, or a dataclass, an event: its objects can be given wherever an `Event` can.

    It stands above the decorator that makes the fields, and changes nothing of the class but one attribute. Fields
    marked as `Email`, `Phone`, `AutomationId` or `EventId` in `Annotated` are those parts of the event, and so are
    unmarked ones called `email`, `phone` and `automation_id`; all others are variables, by the rules of `Event`, except
    those with `init=False`, which are sent only if they are marked. A subclass is an event of the same name, with its
    own fields, unless it is decorated itself.

    Args:
        name: The event's name, for a sender that takes one; None where its URL, or the call or the sender, names it.
        converter: Makes the values of variables plain, each by its field's type; what it returns is then sent by the
            rules of `Event`. None: those rules alone.

    Raises:
        ConfigurationError: The name cannot be one; or, when it decorates, the class is wrong: all problems are told,
            each with its field. Where an annotation names what is defined later, that is told by the first event
            instead, as an `InvalidEventError`.
    """
    if isinstance(name, type):
        raise ConfigurationError('event: write @event("name"), or @event() where the event has no name')
    if converter is not None and not isinstance(converter, cattrs.Converter):
        raise ConfigurationError("converter must be a cattrs.Converter")
    if name is not None:
        try:
            named_event_path(name)
        except InvalidEventError as error:
            raise ConfigurationError(str(error)) from None

    def declare(kind: type[T]) -> type[T]:
        _check_class(kind)
        declaration = Declaration(kind, name, converter)
        try:
            declaration.plan()
        except InvalidEventError as error:
            raise ConfigurationError(f"{kind.__qualname__} cannot be an event: {error}") from None
        except LaterError:
            pass
        setattr(kind, _ATTRIBUTE, declaration)
        return kind

    return declare


def _check_class(kind: object) -> None:
    if not isinstance(kind, type):
        raise ConfigurationError(f"event: decorates a class, not {type(kind).__name__}")
    own = vars(kind)
    if "__attrs_attrs__" not in own and "__dataclass_fields__" not in own:
        raise ConfigurationError(
            f"{kind.__qualname__} has no fields of attrs yet: write @event above @frozen or @define"
        )
    if issubclass(kind, Event):
        raise ConfigurationError(f"{kind.__qualname__} is an Event already")
    if _ATTRIBUTE in own:
        raise ConfigurationError(f"{kind.__qualname__} is declared as an event already")
