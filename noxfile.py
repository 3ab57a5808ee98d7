"""What a contributor and CI run: `nox` alone checks everything."""

from __future__ import annotations

import shutil

import nox

nox.needs_version = ">=2025.5.1"
nox.options.sessions = ["lint", "docs", "tests"]
nox.options.default_venv_backend = "uv|virtualenv"

PYPROJECT = nox.project.load_toml("pyproject.toml")
EVERYTHING = f".[{','.join(PYPROJECT['project']['optional-dependencies'])}]"


def dependencies(group: str) -> list[str]:
    """Return the packages of one dependency group, so that a pip without `--group` serves too."""
    return nox.project.dependency_groups(PYPROJECT, group)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style, types by two checkers, that no public type is left to guess, and that arrows point down."""
    session.install("-e", EVERYTHING, *dependencies("lint"), *dependencies("tests"), "nox")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--verifytypes", "sendpulse_async", "--ignoreexternal", silent=True)
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation strictly into `site/`, and look for dead links and for what comes from elsewhere."""
    session.install("-e", ".", *dependencies("docs"))
    session.run("python", "docs/tools/build.py")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests with branch coverage; arguments after `--` go to pytest."""
    session.install("-e", EVERYTHING, *dependencies("tests"))
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    if not session.posargs:
        session.run("coverage", "report")


@nox.session(python=["3.11", "3.12", "3.13"])
def versions(session: nox.Session) -> None:
    """Run the tests without coverage on each Python that is here."""
    session.install("-e", EVERYTHING, *dependencies("tests"))
    session.run("pytest", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Mutate the rules of delivery; fail where too few mutants are noticed, or one survives without a reason."""
    session.install("-e", EVERYTHING, *dependencies("tests"), *dependencies("mutation"))
    shutil.rmtree("mutants", ignore_errors=True)
    session.run("mutmut", "run", *session.posargs, silent=True)
    session.run("python", "tests/mutation/judge.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure this library beside other clients; arguments after `--` go to the benchmark, `--short` for a minute."""
    session.install("-e", ".[fast,redis]", *dependencies("bench"))
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Send 200,000 events through faults and cancellations; arguments after `--` go to the soak."""
    session.install("-e", ".")
    session.run("python", "-m", "benchmarks.soak", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build the sdist and the wheel into `dist/`."""
    session.install("build")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build")
