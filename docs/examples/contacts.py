import asyncio
import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sendpulse_async import Journal, RateLimit, RawEventSender, send_many


def contacts(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            event: dict[str, Any] = {"email": row["Email"], "name": row["name"], "source": "import"}
            if row["total"]:
                event["total"] = float(row["total"])
            yield event


async def main() -> int:
    async with RawEventSender.from_env(rate_limit=RateLimit(per_second=5)) as sender:
        rows = contacts(Path("contacts.csv"))
        report = await send_many(sender, rows, journal=Journal("contacts.journal"), max_failures=50)
    print(report.summary())
    for outcome in report.failures:
        print(f"row {outcome.index + 1}: {outcome.status.value}, {outcome.error}")
    if report.stopped_because is not None or report.not_sent:
        print("run it again: it goes on where it was")
    return 0 if report.accepted + report.resumed == report.total else 3


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
