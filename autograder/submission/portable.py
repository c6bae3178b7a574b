"""What works in a student's own environment and cannot where it is graded is left out before it is run.

A line that installs or downloads is: there is no network, and waiting for one takes time. What fails at once is left
to observe/elsewhere.py, which tells it from a mistake when it has happened.
"""

import ast
import re
from dataclasses import dataclass

from autograder.submission.syntax import foreign, parsed, source_lines

COMMAND = (
    r"(?:sudo |python3? -m |yes \| *)*(?:pip3?|conda|mamba|micromamba|uv|apt|apt-get|npm|wget|curl|git|gdown|kaggle|hf"
    r"|huggingface-cli)(?:[ \t].*)?$"
)
NETWORKED = re.compile(rf"[ \t]*(?:[%!]{{1,2}}[ \t]*{COMMAND}|pip3? install[ \t])")
SHELL = re.compile(r"\s*%%(?:bash|sh|script|!)")
SHELL_NETWORKED = re.compile(rf"[ \t]*{COMMAND}")
LOCAL_COMMANDS = re.compile(r"[%!]{0,2}[ \t]*(?:pip3? (?:list|show|freeze|--version)|git (?:status|log|diff))\b")
TIMED = re.compile(r"\A(\s*)(%%(?:time|capture)[ \t]*(?:-[^\n]*)?)(?=\n)")
"""Cell magics that run the whole cell as one statement, and change nothing but what is shown of it."""


@dataclass(frozen=True)
class Portable:
    """A cell's text as it is run, and what was done to it."""

    text: str
    notes: tuple[str, ...] = ()


def portable(source: str) -> Portable:
    """A cell's text without what cannot be run here, on as many lines."""
    text, left_out = without_network(source)
    notes = tuple(f"`{line.strip()[:80]}` was left out, as there is no network" for line in left_out[:3])
    return Portable(TIMED.sub(r"\1# \2", text, count=1), notes)


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
