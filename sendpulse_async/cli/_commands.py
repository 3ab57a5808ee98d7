"""`demo` and `sandbox`: what they need is an extra of its own, imported only when they run."""

from __future__ import annotations

from ._exit_codes import ExitCode


async def demo() -> ExitCode:
    """Send a small file to a sandbox on this machine and show what becomes of each event; no account is needed.

    Some rows are wrong and some meet faults on purpose. The exit code is 0 when all went as scripted.
    """
    from ._demo import play  # noqa: PLC0415 - see the module's docstring

    return await play()


def sandbox(*, port: int = 8025, host: str = "127.0.0.1") -> ExitCode:
    """Run a stand-in for SendPulse on this machine until Ctrl-C, and show how to send to it.

    Args:
        port: The port to listen on; 0 for any free one.
        host: A loopback address.
    """
    from ._serve import serve  # noqa: PLC0415 - see the module's docstring

    return serve(host, port)
