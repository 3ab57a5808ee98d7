"""Keeps tokens in files, as SendPulse's official PHP, Python and Node clients do."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

import anyio.to_thread

from .._errors import ConfigurationError
from .._tokens import Token
from ._kept import LONGEST, bare, checked


class FileTokenStore:
    """A token store in a folder, shared by every process that can read it.

    A file holds one bare token, named by the account alone, so that the official clients and this library use the same
    one. It is written whole or not at all, for its owner's eyes only (mode 0600). What cannot be a token is as good as
    absent, and so is a symbolic link, which would let somebody else choose the file.

    Args:
        folder: Made on the first save, for its owner only, where it is missing.

    Raises:
        ConfigurationError: `folder` is no path.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        try:
            self._folder = Path(folder)
        except TypeError:
            raise ConfigurationError(f"folder must be a path, not {type(folder).__name__}") from None
        if not os.fspath(folder) or "\0" in str(folder):
            raise ConfigurationError("folder must be a path; for the working directory say '.'")

    async def load(self, account: str) -> Token | None:
        """Return the account's token, or None where the file is absent or holds no token.

        Raises:
            OSError: The file is there and cannot be read.
        """
        return await anyio.to_thread.run_sync(self._load, account, abandon_on_cancel=True)

    async def save(self, account: str, token: Token) -> None:
        """Keep `token` in place of any other.

        Raises:
            OSError: The folder cannot be written.
        """
        await anyio.to_thread.run_sync(self._save, account, token, abandon_on_cancel=True)

    def _path(self, account: str) -> Path:
        return self._folder / checked(account)

    def _load(self, account: str) -> Token | None:
        path = self._path(account)
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                return None
        except FileNotFoundError:
            return None
        # Not to wait, should it have become a pipe; nor to follow, should it have become a link.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(LONGEST + 1)
        text = bare(content)
        return Token(text) if text else None

    def _save(self, account: str, token: Token) -> None:
        path = self._path(account)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{account}.{secrets.token_hex(8)}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(token.text.encode())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
