"""What a folder adds to the contract of token stores."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from pathlib import Path

import anyio
import pytest

from sendpulse_async import ClientCredentials, ConfigurationError, FileTokenStore, Token

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(30)]

ACCOUNT = ClientCredentials("id", "secret").account
DESCRIPTORS = Path("/proc/self/fd")
TOKEN = Token("eyJ0eXAi.abc-_~", 1_700_000_000.0)


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param


@pytest.fixture
def files(tmp_path):
    return FileTokenStore(tmp_path)


@pytest.fixture
def place(tmp_path):
    """The file of the account."""
    return tmp_path / ACCOUNT


def texts(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_the_file_is_where_the_official_clients_look(files, tmp_path):
    """It is named md5("id::secret") in lower-case hex and holds the bare token, so that a fleet shares one."""
    await files.save(ACCOUNT, TOKEN)

    assert texts(tmp_path) == {hashlib.md5(b"id::secret").hexdigest(): TOKEN.text.encode()}


async def test_the_file_is_for_its_owner_alone(tmp_path):
    """The file has mode 0600 and a folder made for it 0700, whatever the umask and whatever was there before."""
    folder = tmp_path / "a" / "b"
    before = os.umask(0)
    try:
        await FileTokenStore(folder).save(ACCOUNT, TOKEN)
        (folder / ACCOUNT).chmod(0o666)
        await FileTokenStore(folder).save(ACCOUNT, TOKEN)
    finally:
        os.umask(before)

    assert stat.S_IMODE((folder / ACCOUNT).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"abc.def", "abc.def"),
        (b"abc\n", "abc"),
        (b" \r\nabc\t ", "abc"),
        (b"b'abc.def'", "abc.def"),
        (b'b"abc"\n', "abc"),
        (b"b'abc", "b'abc"),
        (b"x" * 16_384, "x" * 16_384),
        (b"", None),
        (b" \n", None),
        (b"b''", None),
        (b"two words", None),
        (b"abc\nX-Evil: 1", None),
        (b"b'two words'", None),
        ("\u0442\u043e\u043a\u0435\u043d".encode(), None),
        (b"\xff\xfe", None),
        (b"abc\x00", None),
        (b"x" * 16_385, None),
        (b"x" * 10_000_000, None),
    ],
    ids=lambda value: repr(value)[:20],
)
async def test_what_cannot_be_a_token_is_as_good_as_absent(files, place, content, text):
    """A file's blanks and pysendpulse's disguise are taken off; corrupt, empty or huge means that there is no token."""
    place.write_bytes(content)

    loaded = await files.load(ACCOUNT)

    assert loaded == (text and Token(text))


async def test_a_file_that_others_can_read_is_used(files, place):
    """The official clients leave theirs world-readable; it is read, and the next save closes it."""
    place.write_text("abc")
    place.chmod(0o644)

    loaded = await files.load(ACCOUNT)
    await files.save(ACCOUNT, TOKEN)

    assert loaded == Token("abc")
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


async def test_a_symbolic_link_is_not_followed(tmp_path):
    """A link lets somebody else choose the file: it is no token, and a save replaces it without touching its target."""
    folder, target = tmp_path / "tokens", tmp_path / "target"
    folder.mkdir()
    target.write_text("abc")
    (folder / ACCOUNT).symlink_to(target)
    files = FileTokenStore(folder)

    loaded = await files.load(ACCOUNT)
    await files.save(ACCOUNT, TOKEN)

    assert loaded is None
    assert target.read_text() == "abc"
    assert not (folder / ACCOUNT).is_symlink()
    assert (await files.load(ACCOUNT)).text == TOKEN.text


async def test_a_dangling_link_is_absent(files, place):
    """A link to nothing is no error."""
    place.symlink_to(place.with_name("nowhere"))

    assert await files.load(ACCOUNT) is None


def test_a_pipe_is_not_waited_for(tmp_path):
    """What is no ordinary file is as good as absent, and nobody waits for somebody to write into a pipe."""
    os.mkfifo(tmp_path / ACCOUNT)
    loaded = []
    thread = threading.Thread(target=lambda: loaded.append(anyio.run(FileTokenStore(tmp_path).load, ACCOUNT)))
    thread.start()

    thread.join(1)
    if is_waiting := thread.is_alive():
        os.close(os.open(tmp_path / ACCOUNT, os.O_WRONLY | os.O_NONBLOCK))  # or it would wait for ever
        thread.join(5)

    assert not is_waiting
    assert loaded == [None]


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="needs a list of open descriptors")
async def test_a_folder_in_the_files_place_costs_no_descriptor(files, place):
    """Loads that fail close what they opened."""
    place.mkdir()
    before = len(list(DESCRIPTORS.iterdir()))

    for _ in range(20):
        try:
            assert await files.load(ACCOUNT) is None
        except OSError:
            continue

    assert len(list(DESCRIPTORS.iterdir())) < before + 10


async def test_a_save_that_fails_leaves_nothing_behind(files, place, tmp_path):
    """Where the file cannot be replaced the error comes out, what was there stays, and no draft is left."""
    place.mkdir()
    (place / "keep").touch()

    with pytest.raises(OSError, match=ACCOUNT):
        await files.save(ACCOUNT, TOKEN)

    assert [path.name for path in tmp_path.iterdir()] == [ACCOUNT]


async def test_a_write_that_fails_leaves_the_old_token(files, place, monkeypatch):
    """A full disk neither cuts the old token nor leaves a draft."""
    await files.save(ACCOUNT, TOKEN)
    monkeypatch.setattr(Path, "replace", _disk_is_full)

    with pytest.raises(OSError, match="No space left"):
        await files.save(ACCOUNT, Token("new"))

    assert texts(place.parent) == {ACCOUNT: TOKEN.text.encode()}


def _disk_is_full(path, target):
    assert path.read_bytes() == b"new"
    raise OSError(28, "No space left on device")


async def test_a_folder_that_cannot_be_one_is_an_error(tmp_path):
    """A folder that is a file can neither be read nor written, and both say so: the sender warns and goes on."""
    (tmp_path / "file").touch()
    files = FileTokenStore(tmp_path / "file")

    with pytest.raises(OSError, match="file"):
        await files.load(ACCOUNT)
    with pytest.raises(OSError, match="file"):
        await files.save(ACCOUNT, TOKEN)


async def test_nobody_sees_a_token_half_written(files, place, monkeypatch):
    """Until it is whole, a new token stands in a file of another name, which nobody asks for."""
    seen = []
    replace = Path.replace
    await files.save(ACCOUNT, TOKEN)

    def watch(path, target):
        seen.append((texts(place.parent)[ACCOUNT], path.name.startswith("."), stat.S_IMODE(path.stat().st_mode)))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", watch)
    await files.save(ACCOUNT, Token("new"))

    assert seen == [(TOKEN.text.encode(), True, 0o600)]
    assert texts(place.parent) == {ACCOUNT: b"new"}


@pytest.mark.parametrize("account", ["", "..", "../" + "a" * 29, "A" * 32, "a" * 31, "a" * 33, "a" * 32 + "\n"])
async def test_an_account_cannot_lead_out_of_the_folder(files, account):
    """Only 32 lower-case hex digits are a file's name."""
    with pytest.raises(ConfigurationError, match="account"):
        await files.load(account)
    with pytest.raises(ConfigurationError, match="account"):
        await files.save(account, TOKEN)


@pytest.mark.parametrize("folder", [None, 5, b"bytes-are-no-path", ["tokens"]])
def test_a_folder_is_a_path(folder):
    """Anything else is refused by the name of the setting."""
    with pytest.raises(ConfigurationError, match="folder"):
        FileTokenStore(folder)
