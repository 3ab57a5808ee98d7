"""Judges a run of mutmut: enough mutants are killed, and each survivor is listed in `survivors.toml` with a reason.

`nox -s mutants` runs mutmut on the rules of delivery (policy, repeats, limiter, classifier, tokens), and then this.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
LEAST_KILLED = 0.9
DEAD = {"killed", "timeout"}
"""A mutant that runs for ever is found out too."""


def mutmut(*arguments: str) -> str:
    return subprocess.run(["mutmut", *arguments], capture_output=True, text=True, check=True).stdout


def survivors() -> set[tuple[str, str]]:
    """Return the function and the changed line of each mutant that no test noticed."""
    rows = re.findall(r"^\s*(\S+): (.+)$", mutmut("results"), re.MULTILINE)
    return {(plain(name), changed_line(name)) for name, status in rows if status not in DEAD}


def plain(name: str) -> str:
    """Return `package.module.Class.function` for mutmut's name of a mutant."""
    return re.sub(r"__mutmut_\d+$", "", name).replace("xǁ", "").replace("ǁ", ".").replace(".x_", ".")


def changed_line(name: str) -> str:
    lines = [line for line in mutmut("show", name).splitlines() if line.startswith("+") and not line.startswith("+++")]
    return " ".join(line[1:].strip() for line in lines)


def main() -> int:
    mutmut("export-cicd-stats")
    counts = json.loads(Path("mutants/mutmut-cicd-stats.json").read_text())
    dead, total = sum(counts[status] for status in DEAD), counts["total"]
    rows = tomllib.loads((HERE / "survivors.toml").read_text())["survivor"]
    listed, found = {(row["function"], row["mutant"]) for row in rows}, survivors()
    print(f"{dead} of {total} mutants killed ({dead / total:.1%}), {len(found)} survived, {len(found & listed)} listed")
    for title, rows in (("not listed", found - listed), ("listed, but killed or gone", listed - found)):
        for function, mutant in sorted(rows):
            print(f"{title}: {function}\n    {mutant}")
    return int(dead < LEAST_KILLED * total or found != listed)


if __name__ == "__main__":
    sys.exit(main())
