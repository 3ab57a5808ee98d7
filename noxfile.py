"""What a contributor and CI run: `nox` alone checks everything."""

from __future__ import annotations

import shutil

import nox

nox.needs_version = ">=2025.5.1"
nox.options.sessions = ["lint", "docs", "package", "tests"]
nox.options.default_venv_backend = "uv|virtualenv"

PYPROJECT = nox.project.load_toml("pyproject.toml")
EVERYTHING = f".[{','.join(PYPROJECT['project']['optional-dependencies'])}]"
# What looks at the built wheel needs other tools, and no Python but its own: the session `package` runs it.
SHIPPING = "tests/packaging"


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
def package(session: nox.Session) -> None:
    """Check what is shipped as it will be installed, and what a release is made with; arguments go to pytest."""
    session.install(*dependencies("package"))
    # Nothing of what other tests begin with: it needs all that these do without. Tools start often, hence bytecode.
    environment = {"PYTHONDONTWRITEBYTECODE": ""}
    # What a test installs may have to be fetched first.
    session.run("pytest", SHIPPING, f"--confcutdir={SHIPPING}", "--timeout=600", *session.posargs, env=environment)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests with branch coverage; arguments after `--` go to pytest."""
    session.install("-e", EVERYTHING, *dependencies("tests"))
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", f"--ignore={SHIPPING}", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    if not session.posargs:
        session.run("coverage", "report")


@nox.session(python=["3.11", "3.12", "3.13"])
def versions(session: nox.Session) -> None:
    """Run the tests without coverage on each Python that is here."""
    session.install("-e", EVERYTHING, *dependencies("tests"))
    session.run("pytest", f"--ignore={SHIPPING}", *session.posargs)


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
    """Build the sdist and the wheel into `dist/`, and into `sbom/` the list of what a bare installation consists of."""
    session.install("cyclonedx-bom>=7", "uv>=0.9")
    for folder in ("dist", "sbom"):
        shutil.rmtree(folder, ignore_errors=True)
    session.run("uv", "build", "--quiet", "--no-create-gitignore", "--out-dir", "dist")
    session.run("python", "tests/packaging/sbom.py", "dist", "sbom/sendpulse-async.cdx.json")


@nox.session
def api(session: nox.Session) -> None:
    """Compare the public names with those of a commit: of the one after `--`, or of the latest tag."""
    session.install("griffe>=1.14")
    tag = session.run("git", "describe", "--tags", "--abbrev=0", external=True, silent=True, success_codes=[0, 128])
    against = session.posargs or [line for line in str(tag).splitlines() if not line.startswith("fatal:")]
    if not against:
        session.skip("there is no release to compare with yet; name a commit after --")
    session.run("griffe", "check", "sendpulse_async", "--against", against[0])
