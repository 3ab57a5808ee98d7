"""The page at the sandbox's root."""

from ._page import Page

__all__ = ["Page"]
