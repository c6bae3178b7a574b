"""What a browser or a message to the student would show."""

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from tests.scenarios.hostile.making import before, called

SCRIPT = "<script>window.__pwned=1</script><img src=x onerror='window.__pwned=1'><svg onload='window.__pwned=1'/>"


def with_active_content(release: NotebookNode) -> NotebookNode:
    """Scripts in every part of a notebook that a page could show."""
    notebook = before(ACTIVE)(release)
    notebook.metadata["title"] = notebook.metadata["widgets"] = SCRIPT
    notebook.metadata["authors"] = [{"name": SCRIPT}]
    notebook.metadata["kernelspec"] = {"name": SCRIPT, "display_name": SCRIPT, "language": SCRIPT}
    notebook.metadata["language_info"] = {"name": f"python'>{SCRIPT}", "pygments_lexer": "x"}
    note = new_markdown_cell(
        f"{SCRIPT}\n\n[x](javascript:window.__pwned=1)\n\n![](attachment:a.svg)\n\n$$\\href{{x}}{{y}}$$"
    )
    note.attachments = {"a.svg": {"image/svg+xml": "PHN2ZyBvbmxvYWQ9J3dpbmRvdy5fX3B3bmVkPTEnLz4="}}
    note.metadata["tags"] = [SCRIPT]
    notebook.cells.insert(0, note)
    notebook.cells[1].id = "a\"onmouseover='window.__pwned=1'"
    return notebook


ACTIVE = (
    f"SCRIPT = {SCRIPT!r}\n"
    + """
from IPython.display import HTML, Javascript, SVG, Latex, Markdown, display, publish_display_data
for show in (HTML, Javascript, Markdown, Latex):
    display(show(SCRIPT if show is not Javascript else "window.__pwned=1"))
for mime in ("text/html", "image/svg+xml", "application/javascript", "text/markdown", "text/latex", "text/plain",
             "application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json", "image/png"):
    publish_display_data({mime: SCRIPT}, metadata={mime: {"width": SCRIPT}})
print(SCRIPT, chr(27) + "[31m" + chr(27) + "]8;;javascript:window.__pwned=1" + chr(7) + "x")
raise type(SCRIPT, (Exception,), {})(SCRIPT + chr(27) + "[31m<b>")
"""
)
CASES = {
    "shows scripts wherever a notebook can hold them": with_active_content,
    "raises scripts from its functions": called(
        f"raise type('E<script>', (ValueError,), {{}})({SCRIPT!r} + repr(arguments))"
    ),
    "repeats its arguments in an exception": called("raise ValueError(f'argument-canary {arguments!r}')"),
    "hides its arguments in an exception": called("raise ValueError(repr(arguments).encode().hex())"),
}
