"""Which URLs an event may go to, and how an event's name becomes a part of one."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Collection
from urllib.parse import SplitResult, quote, urlsplit

from .._contract import API_HOST, EVENTS_HOST, NAMED_EVENT_PREFIX, RAW_EVENT_PREFIX
from .._errors import ConfigurationError, InvalidEventError
from .._http import Target

_DOTS = frozenset({".", ".."})
_RAW_PATH = re.compile(re.escape(RAW_EVENT_PREFIX) + r"[^/%]+/[^/%]+/?")
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"


def is_sendpulse_host(host: str) -> bool:
    """Tell whether `host` is one of SendPulse's own, whose limits are known."""
    return host in {EVENTS_HOST, API_HOST}


def is_loopback(host: str) -> bool:
    """Tell whether `host` never leaves this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def parse_event_url(url: str, allowed_hosts: Collection[str]) -> Target:
    """Return the target of a raw event URL.

    Raises:
        ConfigurationError: It is not a URL that an event may go to. The text never quotes it: it is a secret.
    """
    target = _parse("the event URL", url, allowed_hosts)
    if is_sendpulse_host(target.host) and not _RAW_PATH.fullmatch(target.path):
        raise ConfigurationError(
            f"the event URL must be SendPulse's https://{EVENTS_HOST}{RAW_EVENT_PREFIX}…; "
            "copy it from the event's page in SendPulse"
        )
    return target


def parse_base_url(url: str, allowed_hosts: Collection[str]) -> Target:
    """Return the target below which the authorised endpoints stand; its path has no slash at its end.

    Raises:
        ConfigurationError: It is not a URL that an event may go to.
    """
    target = _parse("base_url", url, allowed_hosts)
    if "?" in target.path:
        raise ConfigurationError("base_url must have no query")
    return Target(target.scheme, target.host, target.port, target.path.rstrip("/"))


def named_event_path(event_name: str) -> str:
    """Return the path of a named event: the name is one percent-encoded segment.

    Raises:
        InvalidEventError: The name cannot be one segment.
    """
    if not isinstance(event_name, str):
        raise InvalidEventError([f"event_name: must be a string, not {type(event_name).__name__}"])
    if not event_name.strip() or event_name in _DOTS:
        raise InvalidEventError(["event_name: must not be empty, '.' or '..'"])
    if any(unicodedata.category(character) == "Cc" for character in event_name):
        raise InvalidEventError(["event_name: has a control character"])
    if event_name != event_name.strip():
        raise InvalidEventError(["event_name: begins or ends with a blank"])
    try:
        return NAMED_EVENT_PREFIX + quote(event_name, safe="")
    except UnicodeEncodeError:
        raise InvalidEventError(["event_name: has half of a surrogate pair"]) from None


def _parse(name: str, url: str, allowed_hosts: Collection[str]) -> Target:
    _check_allowed(allowed_hosts)
    parts = _split(name, url)
    host = (parts.hostname or "").rstrip(".")
    _check_host(name, parts.scheme, host, allowed_hosts)
    if not _DOTS.isdisjoint(parts.path.split("/")):
        raise ConfigurationError(f"{name} must have no '.' or '..' in its path")
    path = quote(parts.path or "/", safe=_PATH_SAFE)
    query = f"?{quote(parts.query, safe=_PATH_SAFE + '?')}" if parts.query else ""
    return Target(parts.scheme, host, parts.port or {"http": 80, "https": 443}[parts.scheme], path + query)


def _check_allowed(hosts: object) -> None:
    if isinstance(hosts, str) or not isinstance(hosts, Collection) or not all(isinstance(host, str) for host in hosts):
        raise ConfigurationError("allowed_hosts must be a set of host names")
    if any(not host.strip() or "/" in host or host.count(":") == 1 for host in hosts):
        raise ConfigurationError("allowed_hosts must hold host names alone, such as events.example.com")


def _split(name: str, url: str) -> SplitResult:
    if not isinstance(url, str):
        raise ConfigurationError(f"{name} must be a string, not {type(url).__name__}")
    url = url.strip()
    if any(character <= " " or character == "\x7f" for character in url):
        raise ConfigurationError(f"{name} has a blank or a control character inside")
    try:
        parts = urlsplit(url)
        has_port = parts.port != 0
        _ = parts.path.encode(), parts.query.encode()
    except ValueError:
        raise ConfigurationError(f"{name} is not a URL") from None
    if not has_port:
        raise ConfigurationError(f"{name} must have a port from 1 to 65535, or none")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"{name} must begin with https:// and name a host")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ConfigurationError(f"{name} must have no user, password or fragment")
    return parts


def _check_host(name: str, scheme: str, host: str, allowed_hosts: Collection[str]) -> None:
    if not host.isascii():
        raise ConfigurationError(f"{name} must give its host in ASCII (xn--…)")
    if scheme == "http":
        if not is_loopback(host):
            raise ConfigurationError(f"{name} must be https; plain http is for a loopback address alone")
    elif not is_sendpulse_host(host) and host not in {allowed.lower() for allowed in allowed_hosts}:
        raise ConfigurationError(
            f"{name} is not on {EVENTS_HOST} or {API_HOST}; name its host in allowed_hosts if events may go there"
        )
