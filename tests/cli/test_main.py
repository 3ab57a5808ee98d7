"""The door itself: help, version, and extras that are not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sendpulse_async import __version__

from .conftest import PATIENCE

BLOCKED = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None
sys.argv = ["sendpulse-async", *{arguments!r}]
from sendpulse_async.__main__ import main
main()
"""


def without(blocked, *arguments):
    """Run the console script's function where these packages cannot be imported."""
    code = BLOCKED.format(blocked=blocked, arguments=arguments)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize(
    ("package", "extra", "arguments"),
    [
        ("cyclopts", "cli", ["--help"]),
        ("rich", "cli", ["demo"]),
        ("dotenv", "cli", ["send"]),
        ("starlette", "sandbox", ["demo"]),
        ("uvicorn", "sandbox", ["sandbox"]),
    ],
)
def test_a_missing_extra_is_one_clear_line(package, extra, arguments):
    """What is missing is named with the command that installs it; there is no traceback."""
    ended = without([package], *arguments)

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == (
        f"sendpulse-async: this needs {package}, of the extra [{extra}]: pip install 'sendpulse-async[cli,sandbox]'\n"
    )


def test_help_and_sending_need_no_sandbox(raw):
    """Without the sandbox's packages everything else works."""
    blocked = ["starlette", "uvicorn", "python_multipart"]

    assert without(blocked, "--help").returncode == 0
    assert without(blocked, "demo", "--help").returncode == 0
    assert without(blocked, "send", "--email", "ann@example.com").returncode == 0


def test_another_missing_module_is_a_bug_and_shows_itself():
    """Only the extras are explained away."""
    ended = without(["attrs"], "--help")

    assert ended.returncode == 1
    assert "ModuleNotFoundError" in ended.stderr


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_names_commands_and_codes(process, arguments):
    """`--help`, and no command at all, list the commands and what the exit codes mean."""
    ended = process(*arguments)

    assert ended.code == 0
    for word in ("demo", "sandbox", "send", "send-many", "130: interrupted", "7: of some events", "--env-file"):
        assert word in ended.out


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("send", ["--email", "--var", "--var-json", "--deadline", "--door", "--env-file"]),
        ("send-many", ["FILE", "--max-in-flight", "--rate", "--max-errors", "--door", "--event-name"]),
        ("sandbox", ["--port", "8025", "--host"]),
        ("demo", ["scripted"]),
    ],
)
def test_each_command_explains_its_options(cli, command, options):
    """The help of a command comes from its docstring."""
    ended = cli(command, "--help")

    assert ended.code == 0
    for option in options:
        assert option in ended.out


def test_the_version_is_the_packages(cli):
    """`--version` says which one this is."""
    assert cli("--version").out.strip() == __version__


def test_an_unknown_command_is_code_2(cli):
    """A typing error is wrong usage."""
    ended = cli("sned")

    assert ended.code == 2
    assert "sned" in ended.err


EXTRAS = ("email_validator", "phonenumbers", "pyarrow", "httptools", "uvloop", "redis", "aiomcache")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--help",), 0),
        (("check", "{list}", "--structure-only"), 0),
        (("send-many", "{list}", "--dry-run"), 0),
        (("send-many", "{list}"), 0),
        (("check", "{list}"), 0),
        (("check", "{list}", "--region", "UA"), 2),
        (("send-many", "{list}", "--normalize"), 2),
    ],
)
def test_without_extras_all_goes_that_needs_none(sandbox, raw, write, arguments, code):
    """Who has installed the command line alone misses what he asks for by name, and nothing else."""
    path = write("a.csv", "email\na@example.com\n")
    program = f"import sys; sys.modules |= dict.fromkeys({EXTRAS}); from sendpulse_async.__main__ import main; main()"
    command = [sys.executable, "-c", program, *(text.format(list=path) for text in arguments)]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == code
    assert ("pip install 'sendpulse-async[cli,sandbox,validate]'" in ended.stderr) == (code == 2)
    assert ("not looked at closely: pip install" in ended.stderr) == (arguments == ("check", "{list}"))
