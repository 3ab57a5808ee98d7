"""`llms.txt` and `llms-full.txt`: what the site has, for those who read it by a language model."""

from __future__ import annotations

from collections.abc import Iterable

from pages import Page

SECTIONS = {
    "": "Begin here",
    "how-to": "How-to",
    "reference": "Reference",
    "explanation": "Explanation",
    "pt": "Em português",
}


def index(pages: Iterable[Page], site: str, said: str) -> str:
    """Return one line for each page, by section, with the address of its Markdown.

    Args:
        pages: All of them.
        site: The site's own address, with a slash at its end.
        said: What the site is about, in one sentence.
    """
    pages = sorted(pages, key=lambda page: page.path)
    parts = [f"# sendpulse_async\n\n> {said}\n\nEverything in one file: [llms-full.txt]({site}llms-full.txt)"]
    for folder, name in SECTIONS.items():
        lines = [f"- [{page.title}]({site}{page.path}): {page.description}" for page in pages if _is_in(page, folder)]
        parts.append(f"## {name}\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def whole(pages: Iterable[Page]) -> str:
    """Return all pages in one text."""
    return "\n\n".join(f"<!-- {page.path} -->\n\n{page.text.strip()}" for page in pages) + "\n"


def _is_in(page: Page, folder: str) -> bool:
    return page.path.rpartition("/")[0] == folder
