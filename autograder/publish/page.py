"""nbgrader's feedback page, without anything that a browser would run or fetch.

What students print and show is sanitised before it gets here; this is the second wall, for whatever is forgotten
there or comes from nbgrader's own template: scripts that fetch MathJax and others, handlers, links that run code.
"""

import re
from html import escape
from typing import Any

import nh3
from nbconvert.exporters import HTMLExporter

WORDS = (
    "a",
    "b",
    "br",
    "code",
    "del",
    "em",
    "i",
    "kbd",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "u",
)
BLOCK_TAGS = ("blockquote", "details", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "img", "p", "pre", "summary")
LIST_TAGS = ("dd", "dl", "dt", "li", "ol", "ul")
TABLE_TAGS = ("table", "tbody", "td", "tfoot", "th", "thead", "tr")
ATTRIBUTES = {
    "*": {"class", "id", "title", "colspan", "rowspan"},
    "a": {"href", "name"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
}
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""For the browser: nothing but the page itself, inline styles and inline bitmaps."""
BITMAP = re.compile(r"data:image/(png|jpeg|gif);base64,[A-Za-z0-9+/=\s]*")
LINK = re.compile(r"#[\w./-]*|https?://.*", re.DOTALL)
STYLE = re.compile(r"<style[^>]*>[^<]*</style>")


class QuietPage(HTMLExporter):
    """nbconvert's HTML exporter for ``c.GenerateFeedback.exporter_class``."""

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> Any:
        """The page and the resources."""
        page, resources = super().from_notebook_node(nb, resources, **kw)
        return quiet(page), resources


def quiet(page: str) -> str:
    """A page with the same texts, styles and bitmaps, and nothing that acts."""
    head, _, body = page.partition("</head>")
    title = re.search(r"<title>([^<]*)</title>", head)
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html>\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">',
            f"<title>{title[1] if title else 'feedback'}</title>",
            *STYLE.findall(head),
            "</head>\n<body>",
            harmless(body),
            "</body>\n</html>\n",
        ]
    )


def harmless(html: str) -> str:
    """HTML with allowed tags and attributes only; the content of scripts and styles is dropped with them."""
    return nh3.clean(
        html,
        tags={*WORDS, *BLOCK_TAGS, *LIST_TAGS, *TABLE_TAGS},
        attributes=ATTRIBUTES,
        attribute_filter=harmless_attribute,
        url_schemes={"http", "https", "data"},
        clean_content_tags={"script", "style", "iframe", "object", "svg", "math", "template", "noscript"},
        link_rel="noopener noreferrer",
    )


def harmless_attribute(tag: str, attribute: str, value: str) -> str | None:
    """The value; None removes a link that leads anywhere but to this page or the web, or an image from elsewhere."""
    wanted = {("a", "href"): LINK, ("img", "src"): BITMAP}.get((tag, attribute))
    return value if wanted is None or wanted.fullmatch(value) else None
