"""What a built site must hold to: no link leads nowhere, nothing comes from elsewhere, and no Markdown is left over."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import attrs

_FOREIGN = re.compile(r"(?:https?:)?//")
_FOREIGN_STYLE = re.compile(r"url\(\s*[\"']?(?:https?:)?//|@import")
_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "audio": "src"}
_LOADING = frozenset(
    {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload", "manifest"}
)
_LEFT_OVER = re.compile(r"^(?:[-*] |\d+\. |\||:::|```|#+ )", re.MULTILINE)


@attrs.define
class _Read(HTMLParser):
    """What one page has and asks for."""

    ids: set[str] = attrs.field(factory=set)
    links: list[str] = attrs.field(factory=list)
    loads: list[str] = attrs.field(factory=list)
    prose: list[str] = attrs.field(factory=list)
    _open: list[str] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.ids |= {told[name] for name in ("id", "name") if name in told}
        if tag == "a" and "href" in told:
            self.links.append(told["href"])
        if tag in _LOADED and _LOADED[tag] in told:
            self.loads.append(told[_LOADED[tag]])
        if tag == "link" and _LOADING & set(told.get("rel", "").split()):
            self.loads.append(told["href"])
        if tag in {"p", "code"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._open and tag == self._open[-1]:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open == ["p"]:
            self.prose.append(data)


@cache
def _read(path: Path) -> _Read:
    page = _Read()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def problems(site: Path, address: str) -> list[str]:
    """Return all that is wrong with the site in this folder, a line each.

    Args:
        site: The folder that a server would serve at `address`.
        address: The site's own address, with a slash at its end.
    """
    found = []
    for path in sorted(site.rglob("*.html")):
        name, page = path.relative_to(site).as_posix(), _read(path)
        found += [
            f"{name}: {link} leads nowhere" for link in page.links + page.loads if _is_dead(site, address, name, link)
        ]
        found += [f"{name}: {one} comes from elsewhere" for one in page.loads if _FOREIGN.match(one)]
        found += [f"{name}: Markdown is left over: {text[:60]}" for text in page.prose if _LEFT_OVER.search(text)]
    for path in sorted(site.rglob("*.css")):
        if _FOREIGN_STYLE.search(path.read_text(encoding="utf-8")):
            found.append(f"{path.relative_to(site)}: a style comes from elsewhere")
    return found


def _is_dead(site: Path, address: str, name: str, link: str) -> bool:
    whole = urljoin(urljoin(address, name.removesuffix("index.html")), link)
    if not whole.startswith(address):
        return False
    parts = urlsplit(whole[len(address) :])
    target = site / unquote(parts.path)
    target = target / "index.html" if target.is_dir() else target
    if not target.is_file():
        return True
    return bool(parts.fragment) and target.suffix == ".html" and unquote(parts.fragment) not in _read(target).ids
