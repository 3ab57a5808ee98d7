"""The pages of the site: those of the repository, with each link led to where its target is on the site."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://github.com/sendpulse-async/sendpulse-async/blob/main/"
README, OVERVIEW = "README.md", "overview.md"
SHOWN = frozenset({".css", ".md", ".png", ".svg"})

_FENCE = re.compile(r"^([ ]*)(```+|~~~+)[^\n]*\n.*?^\1\2[ ]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_PROSE = re.compile(r"[\w`\[\"*]")
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//|#")


class DeadLinkError(Exception):
    """A link of a page leads to no file of the repository."""


@attrs.frozen
class Page:
    """One page.

    Attributes:
        path: Where it is on the site, such as `how-to/queue.md`.
        text: Its Markdown, with links as they are on the site.
    """

    path: str
    text: str

    @property
    def title(self) -> str:
        """The first heading."""
        found = re.search(r"^# (.+)$", self.text, re.MULTILINE)
        return found[1] if found else ""

    @property
    def description(self) -> str:
        """The first sentences of the first paragraph, without links and marks: one, or two where the first is short."""
        prose = _COMMENT.sub("", _FENCE.sub("", self.text)).partition(f"# {self.title}")[2]
        first = next((part for part in re.split(r"\n\s*\n", prose) if _PROSE.match(part.strip())), "")
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", " ".join(first.split())).replace("*", "")
        sentences = re.split(r"(?<=[.!?]) (?=\S)", plain)
        return " ".join(sentences[: 1 if len(sentences[0]) >= 80 else 2])


def read_pages(root: Path = ROOT) -> list[Page]:
    """Return every page, the README among them as the overview.

    Raises:
        DeadLinkError: Links lead nowhere; the text names them all.
    """
    dead: list[str] = []
    sources = [README, *sorted(str(path.relative_to(root)) for path in (root / "docs").rglob("*.md"))]
    pages = [Page(_on_the_site(source), _led(root, source, dead)) for source in sources]
    if dead:
        raise DeadLinkError("\n".join(dead))
    return pages


def _on_the_site(source: str) -> str:
    return OVERVIEW if source == README else source.removeprefix("docs/")


def _led(root: Path, source: str, dead: list[str]) -> str:
    """Return the text of a page, code left as it is and all other links led to their targets."""

    def lead(link: re.Match[str]) -> str:
        target = _target(root, source, link[2])
        if target is None:
            dead.append(f"{source}: {link[2]}")
        return f"{link[1]}{target}{link[3]}"

    text, parts, end = (root / source).read_text(encoding="utf-8"), [], 0
    for fence in _FENCE.finditer(text):
        parts += [_LINK.sub(lead, text[end : fence.start()]), fence[0]]
        end = fence.end()
    return "".join([*parts, _LINK.sub(lead, text[end:])])


def _target(root: Path, source: str, link: str) -> str | None:
    if _ELSEWHERE.match(link):
        return link
    path, mark, anchor = link.partition("#")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
    if not (root / path).exists():
        return None
    if path != README and not (path.startswith("docs/") and Path(path).suffix in SHOWN):
        return f"{REPOSITORY}{path}{mark}{anchor}"
    here = posixpath.dirname(_on_the_site(source))
    return f"{posixpath.relpath(_on_the_site(path), here or '.')}{mark}{anchor}"
