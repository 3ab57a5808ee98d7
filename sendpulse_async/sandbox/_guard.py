"""Who is served: requests to this sandbox under a name of its own, and none that a foreign web page makes."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping

    from starlette.datastructures import Headers
    from starlette.types import Message, Send

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:/?#@\s]+)(:[0-9]{1,5})?", re.IGNORECASE)
_NAME: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.IGNORECASE)
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_HEADERS: Final = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
}


class Guard:
    """Tells which requests are served.

    The sandbox has no passwords. What keeps a web page that somebody happens to visit from using the visitor's browser
    to reach it:

    - The `Host` must be `localhost` or a loopback address; with `allow_remote` any IP address; and always one of
      `allowed_hosts`. A page elsewhere can make a *name* of its own resolve to this machine (DNS rebinding), never an
      address that is written out.
    - An `Origin`, which browsers send with requests across sites, must be on this machine or be the `Host` itself.
    - What a browser marks as cross-site is refused, but for following a link here.

    Args:
        allow_remote: Serve other machines too.
        allowed_hosts: More names of this machine, without a port.

    Raises:
        TypeError: `allowed_hosts` is one text.
        ValueError: `allowed_hosts` holds something that is no host's name.
    """

    def __init__(self, *, allow_remote: bool = False, allowed_hosts: Iterable[str] = ()) -> None:
        if isinstance(allowed_hosts, str):
            raise TypeError("allowed_hosts must be a set of names, not one text")
        self.allow_remote = allow_remote
        names = list(allowed_hosts)
        for name in names:
            if not isinstance(name, str) or _NAME.fullmatch(name) is None:  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ValueError(f"allowed_hosts must be names without a port, not {name!r}")
        self._names = frozenset(name.lower() for name in names)

    def admits(self, method: str, headers: Headers) -> bool:
        """Tell whether this request is served."""
        host = headers.get("host", "").lower()
        if not self._is_ours(host):
            return False
        if not all(_is_own_page(origin.lower(), host) for origin in headers.getlist("origin")):
            return False
        if headers.get("sec-fetch-site") != "cross-site":
            return True
        return method in _SAFE_METHODS and headers.get("sec-fetch-mode") == "navigate"

    def _is_ours(self, host: str) -> bool:
        name = _name_of(host)
        if name is None:
            return False
        return name in self._names or is_loopback(name) or (self.allow_remote and is_address(name))


def is_loopback(name: str) -> bool:
    """Tell whether this is `localhost` or a loopback address."""
    address = _address(name)
    return name == "localhost" or (address is not None and address.is_loopback)


def is_address(name: str) -> bool:
    """Tell whether this is an IP address, not a name."""
    return _address(name) is not None


def with_headers(send: Send) -> Send:
    """Return a `send` that adds the headers of the page and the test API where an answer has none of its own."""

    async def send_guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            _add_headers(message)
        await send(message)

    return send_guarded


def _add_headers(message: MutableMapping[str, Any]) -> None:
    own: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
    names = {name.lower() for name, _ in own}
    message["headers"] = [*own, *((name, text) for name, text in _HEADERS.items() if name not in names)]


def _is_own_page(origin: str, host: str) -> bool:
    scheme, _, place = origin.partition("://")
    if scheme not in {"http", "https"}:
        return False
    name = _name_of(place)
    return place == host or (name is not None and is_loopback(name))


def _name_of(host: str) -> str | None:
    match = _HOST.fullmatch(host)
    return match[1].strip("[]") if match else None


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
