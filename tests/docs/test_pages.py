"""Pages are read in the repository and on the site, and their links lead to the right place in both."""

from __future__ import annotations

import re
import tomllib

import llms
import pytest
from pages import REPOSITORY, ROOT, DeadLinkError, read_pages

ALL = read_pages()


@pytest.fixture
def house(tmp_path):
    """A small repository, and a function that returns the text of its one page on the site."""
    for name in ("README.md", "LICENSE", "docs/images/a.png", "docs/how-to/queue.md", "docs/reference/events.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n\nSays little.\n")

    def page(text, path="docs/how-to/queue.md"):
        (tmp_path / path).write_text(text)
        return {each.path: each.text for each in read_pages(tmp_path)}

    return page


@pytest.mark.parametrize(
    ("written", "led"),
    [
        ("[a](../../README.md#send-many)", "[a](../overview.md#send-many)"),
        ("[a](../reference/events.md)", "[a](../reference/events.md)"),
        ("[a](#here)", "[a](#here)"),
        ("![a](../images/a.png)", "![a](../images/a.png)"),
        ("[a](../../LICENSE)", f"[a]({REPOSITORY}LICENSE)"),
        ("[a](https://sendpulse.com)", "[a](https://sendpulse.com)"),
        ("```md\n[a](nowhere.md)\n```", "```md\n[a](nowhere.md)\n```"),
    ],
)
def test_a_link_leads_to_the_same_place_on_the_site(house, written, led):
    """The README is the overview there, what is not a page stays in the repository, and code is left as it is."""
    assert house(f"# Page\n\n{written}\n")["how-to/queue.md"] == f"# Page\n\n{led}\n"


def test_the_readme_is_a_page_like_the_others(house):
    """Its links begin at the root of the repository, and at the root of the site."""
    pages = house("# Top\n\n[a](docs/how-to/queue.md#x), ![b](docs/images/a.png)\n", "README.md")

    assert pages["overview.md"] == "# Top\n\n[a](how-to/queue.md#x), ![b](images/a.png)\n"


def test_dead_links_are_named_all_at_once(house):
    """Who moved a page sees each place that has to follow."""
    with pytest.raises(DeadLinkError, match=r"queue\.md: gone\.md\ndocs/how-to/queue\.md: \.\./away\.md"):
        house("# Page\n\n[a](gone.md) and [b](../away.md)\n")


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.path)
def test_each_page_says_in_its_first_lines_what_it_is_about(page):
    """Its title and its first sentences stand in lists of pages, and in what search engines show."""
    assert page.title
    assert 20 < len(page.description) < 400
    assert page.description[-1] in ".:!?"


def test_llms_txt_has_each_page_once():
    """Each line has the page's title, the address of its Markdown, and what it is about."""
    index = llms.index(ALL, "https://docs.example/", "What it is about.")

    lines = [line for line in index.splitlines() if line.startswith("- ")]
    wanted = [f"- [{page.title}](https://docs.example/{page.path}): {page.description}" for page in ALL]
    assert sorted(lines) == sorted(wanted)
    assert index.startswith("# sendpulse_async\n\n> What it is about.\n")


def test_llms_full_txt_has_the_text_of_each_page():
    """One file is enough for who reads by a language model."""
    text = llms.whole(ALL)

    assert all(page.text.strip() in text for page in ALL)


def test_each_page_is_reached_from_the_navigation():
    """A page that somebody adds is picked up by its folder, so it must lie in one that is."""
    listed = (ROOT / "docs/.nav.yml").read_text(encoding="utf-8")

    stray = [
        page.path for page in ALL if f"{page.path.rpartition('/')[0]}/*.md" not in listed and page.path not in listed
    ]
    assert stray == []


def test_each_extra_that_a_page_installs_is_there():
    """pip says little of an extra that it does not know, and installs the package without it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"(?:sendpulse-async|'\.)\[([\w,-]+)\]", "\n".join(page.text for page in ALL))

    assert {extra for group in named for extra in group.split(",")} == set(project["optional-dependencies"])
