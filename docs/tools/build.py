"""Builds the site into `site/` and checks it: `python docs/tools/build.py`; `nox -s docs` does so with all it needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
import browse
import check
import llms
import reference
from pages import ROOT, SHOWN, Page, read_pages

PAGES, SITE = ROOT / "build/pages", ROOT / "site"
LANGUAGES = {"pt": "pt-BR"}
"""Of the folders whose pages are not in English: the builder knows one language for all."""


def lay_out(pages: list[Page], target: Path) -> None:
    """Write what the builder reads: the pages with their descriptions, pictures, and the order of the pages."""
    shutil.rmtree(target, ignore_errors=True)
    docs = ROOT / "docs"
    for path in [docs / ".nav.yml", *(path for path in docs.rglob("*") if path.suffix in SHOWN - {".md"})]:
        copy = target / path.relative_to(docs)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    for page in pages:
        description = page.description.replace('"', "'").replace("`", "")
        write(target / page.path, f'---\ndescription: "{description}"\n---\n\n{page.text}')


def add_plain(pages: list[Page], site: Path, address: str, said: str) -> None:
    """Add the pages as Markdown beside the built ones, and the two files that list them."""
    pages = [attrs.evolve(page, text=reference.expanded(page.text)) for page in pages]
    for page in pages:
        write(site / page.path, page.text)
    write(site / "llms.txt", llms.index(pages, address, said))
    write(site / "llms-full.txt", llms.whole(pages))


def name_languages(site: Path) -> None:
    """Let each page say in which language it is, for those who have it read to them."""
    for folder, language in LANGUAGES.items():
        for path in (site / folder).rglob("*.html"):
            text = path.read_text(encoding="utf-8")
            if '<html lang="en"' not in text:
                raise LookupError(f"{path.relative_to(site)} does not begin as pages did")
            write(path, text.replace('<html lang="en"', f'<html lang="{language}"', 1))


def setting(name: str) -> str:
    """Return a setting of the site that is one line."""
    found = re.search(rf"^{name}: (.+)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise LookupError(f"mkdocs.yml has no {name}")
    return found[1]


def write(path: Path, text: str) -> None:
    """Write a file into a folder that need not be there yet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def main() -> None:
    """Build strictly, check, and exit with 1 if anything is wrong."""
    pages, address = read_pages(), setting("site_url")
    lay_out(pages, PAGES)
    shutil.rmtree(SITE, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "zensical", "build", "--clean", "--strict"], cwd=ROOT, check=True)
    name_languages(SITE)
    add_plain(pages, SITE, address, setting("site_description"))
    found = check.problems(SITE, address)
    if browse.CHROMIUM.exists() or os.environ.get("CI") == "true":
        found += browse.troubles(SITE)
    else:
        print("Not looked at through a browser: there is no Chromium here.")
    print("\n".join(found) or f"{len(pages)} pages, no dead link, nothing from elsewhere.")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
