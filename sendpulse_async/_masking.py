"""How addresses, numbers and URLs look where people may read them: in reprs, logs and reports."""

from __future__ import annotations

from urllib.parse import urlsplit

MASK = "***"


def mask_email(email: str) -> str:
    """Return `a***@d***` for an address of any shape."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}{MASK}@{domain[:1]}{MASK}"


def mask_phone(phone: str) -> str:
    """Return the plus sign, if any, and the last two characters of a number of some length."""
    plus = "+" if phone.startswith("+") else ""
    return f"{plus}{MASK}{phone[-2:] if len(phone) > 6 else ''}"


def mask_url(url: str) -> str:
    """Return the scheme and the host; a raw event URL's path is a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{MASK}"
