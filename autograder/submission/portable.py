"""What works in a student's own environment and not where it is graded must not take a solution along.

A line that installs or downloads is left out: there is no network, and waiting for one takes time. In a cell that
defines something, a statement above the definition that may fail here (an import of Colab's, ``drive.mount``,
``input()``, a model on a GPU, a file of their own) runs in a cell of its own, and the definition whether or not
it did.
"""

import ast
import re
from dataclasses import dataclass

from autograder.submission.syntax import Outline, Statement, foreign, outline, parsed, source_lines

COMMAND = (
    r"(?:sudo |python3? -m |yes \| *)*(?:pip3?|conda|mamba|micromamba|uv|apt|apt-get|npm|wget|curl|git|gdown|kaggle|hf"
    r"|huggingface-cli)(?:[ \t].*)?$"
)
NETWORKED = re.compile(rf"[ \t]*(?:[%!]{{1,2}}[ \t]*{COMMAND}|pip3? install[ \t])")
SHELL = re.compile(r"\s*%%(?:bash|sh|script|!)")
SHELL_NETWORKED = re.compile(rf"[ \t]*{COMMAND}")
LOCAL_COMMANDS = re.compile(r"[%!]{0,2}[ \t]*(?:pip3? (?:list|show|freeze|--version)|git (?:status|log|diff))\b")
PIECES_MAX = 40
"""A cell with more statements to set apart runs in one piece."""


@dataclass(frozen=True)
class Portable:
    """A cell as the texts of one or more cells, to be run in this order, and what was done to it."""

    pieces: tuple[str, ...]
    notes: tuple[str, ...] = ()


def portable(source: str, known: Outline | None = None) -> Portable:
    """The pieces of a cell's text; the last holds its last definition. ``known`` saves parsing it again."""
    source, left_out = without_network(source)
    notes = [f"`{line.strip()[:80]}` was left out, as there is no network" for line in left_out[:3]]
    statements = (outline(source) if known is None or left_out else known).statements
    if not foreign(source) and not source.lstrip().startswith("%%"):
        pieces, apart = set_apart(source, statements)
        return Portable(pieces, (*notes, *apart))
    return Portable((source,), tuple(notes))


def without_network(source: str) -> tuple[str, list[str]]:
    """The text with comments in place of lines that install or download, and these lines."""
    shell = SHELL.match(source[:200]) is not None
    if not any(word in source for word in ("!", "%", "pip")) or (foreign(source) and not shell):
        return source, []
    lines = source_lines(source)
    pattern, nothing = (SHELL_NETWORKED, ":") if shell else (NETWORKED, "pass")
    found = [i for i, line in enumerate(lines) if needs_network(line.rstrip("\n"), pattern)]
    quoted = inside_strings(source) if found else set()
    found = [i for i in found if i not in quoted]
    left_out, end = [], 0
    for i in found:
        if i < end:
            continue
        left_out.append(lines[i])
        indent = lines[i][: len(lines[i]) - len(lines[i].lstrip(" \t"))]
        end = next((j for j in range(i, len(lines)) if not lines[j].endswith("\\\n")), i) + 1
        commented = [f"# left out: {line.strip()}\n" for line in lines[i:end]]
        lines[i:end] = [f"{indent}{nothing}  {commented[0]}", *commented[1:]]
    return "".join(lines), left_out


def needs_network(line: str, pattern: re.Pattern[str]) -> bool:
    """Whether a line gives a command to install or download something."""
    return len(line) < 5_000 and pattern.match(line) is not None and not LOCAL_COMMANDS.match(line.strip())


def inside_strings(source: str) -> set[int]:
    """Indices of the lines that lie within a string of several lines, where a line that looks like a magic is text."""
    tree = parsed(source)
    strings = [n for n in ast.walk(tree) if isinstance(n, ast.Constant | ast.JoinedStr)] if tree else []
    return {i for n in strings for i in range(n.lineno, n.end_lineno or n.lineno)}


def set_apart(source: str, statements: tuple[Statement, ...]) -> tuple[tuple[str, ...], list[str]]:
    """The text cut around the statements that may fail and have a definition below them."""
    last = max((i for i, s in enumerate(statements) if s.defines and not s.missing), default=0)
    risky = [i for i, s in enumerate(statements[:last]) if s.acts or s.missing]
    if not risky or len(risky) > PIECES_MAX:
        return (source,), []
    edges = sorted({0, *(i for r in risky for i in (r, r + 1))})
    lines = source_lines(source)
    starts = [statements[i].start if i else 0 for i in edges]
    pieces = ["".join(lines[a:b]) for a, b in zip(starts, [*starts[1:], len(lines)], strict=True)]
    missing = sorted({statements[i].missing for i in risky} - {""})
    notes = [f"`{name[:60]}` is not there when graded; the rest of the cell was run" for name in missing]
    return tuple(piece for piece in pieces if piece.strip()), notes or ["lines above a definition were run apart"]
