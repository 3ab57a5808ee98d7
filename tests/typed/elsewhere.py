"""A module whose names mean something else than in the one that uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from attrs import define

from sendpulse_async.typed import Email

Text = Annotated[str, Email]


@define
class Base:
    customer: Text
    later: Later


@dataclass
class DataclassBase:
    customer: Text
    later: Later


@define
class Later:
    word: str
