"""Authorises: gets tokens, shares them, and swaps a refused one once."""

from ._endpoint import TokenEndpoint
from ._layer import AuthorizingSender, StaticKey
from ._manager import TokenManager

__all__ = ["AuthorizingSender", "StaticKey", "TokenEndpoint", "TokenManager"]
