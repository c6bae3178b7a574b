"""The homework's own Markdown as harmless HTML, its formulas as MathML that no script has to typeset."""

import re
import secrets
from html import escape
from xml.etree import ElementTree

from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from autograder.publish.page import harmless

MATHML = "http://www.w3.org/1998/Math/MathML"
MATH_TAGS = frozenset(
    re.findall(
        r"\w+",
        "math mrow mi mn mo mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover mtable mtr mtd ms"
        " mstyle mpadded mphantom menclose mmultiscripts mprescripts none",
    )
)
"""Elements that only typeset."""
MATH_ATTRIBUTES = frozenset(
    re.findall(
        r"\w+",
        "display stretchy fence separator form lspace rspace width height depth linethickness mathvariant displaystyle"
        " scriptlevel columnalign rowspacing columnspacing accent accentunder minsize maxsize movablelimits notation",
    )
)
FORMULA_MAX_CHARS = 4_000


class FormulaRenderer(IPythonRenderer):
    """nbconvert's renderer, with a mark in the place of each formula: HTML is made harmless before they come back."""

    def __init__(self) -> None:
        super().__init__(escape=False, exclude_anchor_links=True)
        self.nonce = secrets.token_hex(8)
        self.formulas: list[str] = []

    def marked(self, tex: str, display: str) -> str:
        """A mark that no text can foresee."""
        self.formulas.append(formula(tex, display))
        return f"{self.nonce}-{len(self.formulas) - 1}."

    def heading(self, text: str, level: int, **attrs: object) -> str:
        # The page has headings of its own, and a screen reader jumps from one to the next.
        return f"<p><strong>{text}</strong></p>\n"

    def block_math(self, body: str) -> str:
        return self.marked(body, "block")

    def inline_math(self, body: str) -> str:
        return self.marked(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        return self.marked(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")


def prose(source: str) -> str:
    """Markdown as HTML that runs nothing and fetches nothing."""
    renderer = FormulaRenderer()
    html = harmless(MarkdownWithMath(renderer=renderer).render(source))
    for number, made in enumerate(renderer.formulas):
        html = html.replace(f"{renderer.nonce}-{number}.", made)
    return html


def formula(tex: str, display: str) -> str:
    """A formula as MathML; as the TeX that it is where it cannot be converted."""
    try:
        if len(tex) > FORMULA_MAX_CHARS:
            raise ValueError("a formula of this length is none")
        root = ElementTree.fromstring(convert(tex, display=display))
        return math_element(root)
    except Exception:
        # latex2mathml has no common class for what it raises, and a formula is never worth a page.
        return f'<code class="tex">{escape(tex)}</code>'


def math_element(element: ElementTree.Element) -> str:
    """An element of MathML with the tags and attributes that only typeset."""
    name = element.tag.removeprefix(f"{{{MATHML}}}")
    if name not in MATH_TAGS:
        raise ValueError(f"{name} is no element that only typesets")
    kept = {key: value for key, value in element.attrib.items() if key in MATH_ATTRIBUTES}
    attributes = "".join(f' {key}="{escape(value)}"' for key, value in kept.items())
    inner = escape(element.text or "") + "".join(math_element(child) + escape(child.tail or "") for child in element)
    return f"<{name}{attributes}>{inner}</{name}>"
