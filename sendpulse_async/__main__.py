"""The console script `sendpulse-async`, and `python -m sendpulse_async`."""

from __future__ import annotations

import sys

_EXTRAS = {
    "cyclopts": "cli",
    "rich": "cli",
    "dotenv": "cli",
    "starlette": "sandbox",
    "uvicorn": "sandbox",
    "python_multipart": "sandbox",
    "pyarrow": "parquet",
    "email_validator": "validate",
    "phonenumbers": "validate",
    "taskiq": "taskiq",
    "taskiq_aio_pika": "taskiq",
    "aio_pika": "taskiq",
}


def main() -> None:
    """Run the command line, and exit with its code."""
    try:
        from .cli import run  # noqa: PLC0415 - what it imports is an extra

        code = run(sys.argv[1:])
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        code = _explain(package)
    sys.exit(code)


def _explain(package: str) -> int:
    extra = _EXTRAS[package]
    wanted = ",".join(dict.fromkeys(["cli", "sandbox", extra]))
    sys.stderr.write(
        f"sendpulse-async: this needs {package}, of the extra [{extra}]: pip install 'sendpulse-async[{wanted}]'\n"
    )
    return 2


if __name__ == "__main__":
    main()
