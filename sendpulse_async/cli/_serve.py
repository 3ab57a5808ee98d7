"""`sandbox`: the stand-in for SendPulse in the foreground."""

from __future__ import annotations

from .. import ConfigurationError
from ..sandbox import Sandbox
from ._consoles import how_to_call, open_stdout
from ._exit_codes import ExitCode


def serve(host: str, port: int) -> ExitCode:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        ConfigurationError: It cannot listen there.
    """
    try:
        Sandbox(host=host, port=port).run(_show)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    except OSError as error:
        raise ConfigurationError(f"{error.strerror}; --port 0 takes any free port") from error
    return ExitCode.ACCEPTED


def _show(sandbox: Sandbox) -> None:
    console, program = open_stdout(), how_to_call()
    console.say(("The sandbox is at ", "bold"), (sandbox.origin, "bold green"), "; Ctrl-C ends it.")
    console.say("  what arrived:  ", f"{sandbox.origin}/_sandbox/events")
    console.say("In another terminal, as they are:")
    console.say()
    for name, value in sandbox.environment().items():
        console.say(f"export {name}={value}")
    console.say()
    console.say(f"{program} send --door raw --email ann@example.com --var product=tea")
    console.say(f"{program} send --door name --event-name purchase --email ann@example.com --var product=tea")
