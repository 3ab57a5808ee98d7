"""`demo` and `sandbox`: what they need is an extra of its own, imported only when they run."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from ._exit_codes import ExitCode

_Flag = Annotated[bool, Parameter(negative=())]
_Each = Annotated[tuple[str, ...], Parameter(negative=(), consume_multiple=False, show_default=False)]


async def demo() -> ExitCode:
    """Send a small file to a sandbox on this machine and show what becomes of each event; no account is needed.

    Some rows are wrong and some meet faults on purpose. The exit code is 0 when all went as scripted.
    """
    from ._demo import play  # noqa: PLC0415 - see the module's docstring

    return await play()


def sandbox(
    *,
    port: int = 8025,
    host: str = "127.0.0.1",
    allow_remote: _Flag = False,
    allowed_host: _Each = (),
    limit: _Flag = False,
    requests_per_second: int | None = None,
    requests_per_minute: int | None = None,
    switch: _Each = (),
) -> ExitCode:
    """Run a stand-in for SendPulse on this machine until Ctrl-C, and show how to send to it.

    Args:
        port: The port to listen on; 0 for any free one.
        host: A loopback address; with --allow-remote any address of this machine, 0.0.0.0 for all of them.
        allow_remote: Serve other machines too. Whoever reaches the port can read what arrives and change everything.
        allowed_host: A name, besides localhost and addresses, under which it is asked for, such as a container's;
            repeatable.
        limit: Refuse what goes beyond SendPulse's limits, 10 requests a second and 1,000 a minute, with 429.
        requests_per_second: Another limit of requests a second.
        requests_per_minute: Another limit of requests a minute.
        switch: NAME=VALUE, repeatable: what it does where SendPulse's behaviour is not sure, such as
            refuse_duplicates=true, known_events=purchase,refund, token_lifetime=60 or known_events=none. The page shows
            them all.
    """
    from ._serve import Place, serve, to_switches  # noqa: PLC0415 - see the module's docstring

    limits = {"requests_per_second": requests_per_second, "requests_per_minute": requests_per_minute}
    switches = to_switches(switch, limit=limit, limits=limits)
    return serve(Place(host=host, port=port, allow_remote=allow_remote, allowed_hosts=allowed_host), switches)
