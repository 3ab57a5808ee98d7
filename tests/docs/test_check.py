"""A site that leads nowhere, or loads something from elsewhere, is not published."""

from __future__ import annotations

import pytest
from check import problems

ADDRESS = "https://docs.example/project/"


@pytest.fixture
def found(tmp_path):
    """Return a function that builds a site of two pages and tells what is wrong with it."""

    def build(body, *, style=""):
        (tmp_path / "other").mkdir()
        (tmp_path / "other/index.html").write_text('<h1 id="top">Other</h1>')
        (tmp_path / "own.css").write_text(style)
        (tmp_path / "index.html").write_text(f'<link rel="stylesheet" href="own.css"><h1 id="here">Page</h1>{body}')
        return problems(tmp_path, ADDRESS)

    return build


@pytest.mark.parametrize(
    "body",
    [
        '<a href="other/">a</a>',
        '<a href="other/#top">a</a>',
        '<a href="#here">a</a>',
        f'<a href="{ADDRESS}other/#top">a</a>',
        '<a href="https://elsewhere.example/#x">a link may lead elsewhere</a>',
        '<link rel="canonical" href="https://docs.example/project/">',
        "<p>A - b, and <code>| code |</code></p>",
    ],
)
def test_a_good_site_has_no_problems(found, body):
    """Links to pages and places that are there, and links to other sites, are as they should be."""
    assert found(body) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="gone/">a</a>', "index.html: gone/ leads nowhere"),
        ('<a href="other/#gone">a</a>', "index.html: other/#gone leads nowhere"),
        ('<a href="#gone">a</a>', "index.html: #gone leads nowhere"),
        ('<img src="gone.png">', "index.html: gone.png leads nowhere"),
        (
            '<script src="https://cdn.example/a.js"></script>',
            "index.html: https://cdn.example/a.js comes from elsewhere",
        ),
        ('<img src="//cdn.example/a.png">', "index.html: //cdn.example/a.png comes from elsewhere"),
        (
            '<link rel="preconnect" href="https://fonts.example">',
            "index.html: https://fonts.example comes from elsewhere",
        ),
        ("<p>Three things:\n- one</p>", "index.html: Markdown is left over: Three things:\n- one"),
        ("<p>::: sendpulse_async.Event</p>", "index.html: Markdown is left over: ::: sendpulse_async.Event"),
    ],
)
def test_what_is_wrong_is_named(found, body, problem):
    """Each problem is a line with the page and what it is."""
    assert found(body) == [problem]


@pytest.mark.parametrize("style", ['@import "a.css";', "a { background: url(https://cdn.example/a.png) }"])
def test_a_style_may_load_nothing_from_elsewhere(found, style):
    """Fonts are the usual way in which a site of one's own tells others who reads it."""
    assert found("", style=style) == ["own.css: a style comes from elsewhere"]
