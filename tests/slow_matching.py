"""Finds regular expressions of the tool whose work grows faster than their input: each in a process with little time.

``python -m tests.slow_matching`` prints the name of each. What is fed to an expression is made from texts that match
it: a piece of one, repeated many times, with what came before and with something behind it that does not fit.
"""

import ast
import functools
import importlib
import operator
import os
import re
import resource
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

PACKAGE = Path(__file__).parent.parent / "autograder"
PARTS = ("submission", "publish", "judge", "observe")
LENGTH = 20_000
CPU_S = 3
"""For all inputs to one expression: what is linear takes half a second, what is quadratic one for each input."""
SAMPLES, SAMPLE_MAX_CHARS, CUTS_MAX = 4, 40, 6
FILLERS = (" ", "a", "\n")
ENDS = ("\0", "!\n")
CALLS = frozenset(("search", "match", "fullmatch", "sub", "split", "findall", "finditer"))
KNOWN_USES = dict.fromkeys(("MATCHERS", "NETWORKED", "SHELL_NETWORKED"), frozenset(("match",)))
"""Of expressions that are passed on under another name."""
NAMES_MAX_CHARS = dict.fromkeys(("COPY", "ZONE_AT_END"), 255)
"""Of expressions that see nothing but names of files, or times."""
ANCHORED = frozenset(("match", "fullmatch"))


@dataclass(frozen=True)
class Expression:
    """A regular expression of the tool, and the methods that it is used with."""

    where: str
    pattern: re.Pattern[str]
    uses: frozenset[str]


def expressions() -> Iterator[Expression]:
    """Every expression that is compiled, or written out in a call, in these parts."""
    paths = sorted(path for part in PARTS for path in (PACKAGE / part).glob("*.py"))
    texts = "".join(path.read_text(encoding="utf-8") for path in paths)
    for path in paths:
        module = importlib.import_module(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts))
        here = f"{path.parent.name}/{path.name}"
        for name, value in vars(module).items():
            uses = frozenset(re.findall(rf"\b{name}\b(?:\[\w+\])?\.(\w+)", texts)) & CALLS
            own = f"\n{name} = " in path.read_text(encoding="utf-8")
            uses = KNOWN_USES.get(name) or uses or CALLS
            yield from (Expression(f"{here}: {name}", found, uses) for found in compiled(value) if own)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield from (Expression(f"{here}:{line}", *found) for line, *found in written_out(node))


def compiled(value: object) -> Iterator[re.Pattern[str]]:
    """The expressions in a value, and in the containers that it is made of."""
    if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
        yield value
    elif isinstance(value, dict):
        yield from (found for inner in value.values() for found in compiled(inner))
    elif isinstance(value, list | tuple | set | frozenset):
        yield from (found for inner in value for found in compiled(inner))


def written_out(node: ast.AST) -> Iterator[tuple[int, re.Pattern[str], frozenset[str]]]:
    """(line, expression, use) of a call like ``re.search(r"...", text, re.MULTILINE)``, if it is spelled out."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="re"), attr=use), args=[ast.Constant(value=str() as pattern), *_]
        ) if use in CALLS:
            named = {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)} & set(re.RegexFlag.__members__)
            flags = functools.reduce(operator.or_, (re.RegexFlag[name] for name in named), re.NOFLAG)
            yield node.lineno, re.compile(pattern, flags), frozenset((use,))


def matching(pattern: re.Pattern[str]) -> list[str]:
    """A few texts that match."""
    found: list[str] = []

    @seed(0)
    @settings(
        max_examples=SAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.from_regex(simplified(pattern)))
    def take(text: str) -> None:
        found.append(text)

    take()
    return found


def simplified(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """The same without possessive quantifiers, which hypothesis does not know."""
    return re.compile(re.sub(r"([*+?}])\+", r"\1", pattern.pattern), pattern.flags)


def inputs(pattern: re.Pattern[str], length: int) -> Iterator[str]:
    """Long texts that an expression may be slow on."""
    samples = ["", *dict.fromkeys(sample[:SAMPLE_MAX_CHARS] for sample in matching(pattern))]
    for sample in samples:
        step = max(1, -(-len(sample) // CUTS_MAX))
        for cut in range(0, len(sample) + 1, step):
            start = sample[:cut]
            for filler in sorted({start[-1:], start[-2:], start, *FILLERS} - {""}):
                yield from (start + filler * (length // len(filler)) + end for end in ENDS)


def is_slow(expression: Expression) -> bool:
    """Whether its work does not end in time."""
    texts = list(inputs(expression.pattern, NAMES_MAX_CHARS.get(expression.where.split()[-1], LENGTH)))
    child = os.fork()
    if child == 0:
        work_and_leave(expression, texts)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def work_and_leave(expression: Expression, texts: list[str]) -> None:
    """Have it search all of them, as the tool does, in a process that ends here."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    pattern = expression.pattern
    for text in texts:
        for use in expression.uses & ANCHORED:
            getattr(pattern, use)(text)
        for _ in pattern.finditer(text) if expression.uses - ANCHORED else ():
            pass
    os._exit(0)


def main() -> None:
    """Print where the slow ones are."""
    warnings.simplefilter("ignore")
    for expression in expressions():
        if is_slow(expression):
            print(expression.where, flush=True)


if __name__ == "__main__":
    main()
