"""Syntax that Pythons after the grader's have brought: recognised by writing it in an older form that parses.

There is no newer Python at hand to ask, and no parser that knows its grammar in full. So strings and comments are
emptied first, f-strings by the rules of 3.12 (PEP 701); then each newer form is replaced. If the result parses, the
text is Python, only not of this version. It is read, for the names that it defines, and never run.
"""

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

NESTED_MAX = 12
"""f-strings within f-strings; in 3.11 the quotes allow four."""
OPENING = re.compile(r"#[^\n]*|(?:(?<!\w)(?P<prefix>[A-Za-z]{1,2}))?(?P<quote>'''|\"\"\"|'|\")")
REST = {
    quote: re.compile(rf"(?:\\.|(?!{quote}){body})*+{quote}", re.DOTALL)
    for quote, body in {"'": r"[^\n]", '"': r"[^\n]", "'''": ".", '"""': "."}.items()
}
TEMPLATE_PREFIXES = frozenset({"f", "rf", "fr", "t", "rt", "tr"})
NAMED = re.compile(r"\\N\{[\w -]+\}")
BRACKET = re.compile(r"[()\[\]{}]")
BRACKETS = {"(": ")", "[": "]", "{": "}"}
GENERIC = re.compile(r"\b(?:def|class)[ \t]+\w+[ \t]*(?=\[)")
ALIAS = re.compile(r"^[ \t]*(?P<word>type[ \t]+)\w+[ \t]*(?P<generic>\[)?", re.MULTILINE)
EXCEPT = re.compile(r"^(?P<start>[ \t]*+except\*?[ \t]++)(?P<types>(?=[^:\n(][^:\n]*,)[^:\n]++)(?=:)", re.MULTILINE)
LAZY = re.compile(r"^[ \t]*(?P<word>lazy[ \t]+)(?:import|from)\b", re.MULTILINE)
UNPACKED = re.compile(r"[\[({]\s*(?P<word>\*{1,2})[\w.]+\s+(?:async\s+)?for\b")


@dataclass(frozen=True)
class Form:
    """A newer form that a text uses."""

    version: tuple[int, int]
    line: int
    name: str

    def __str__(self) -> str:
        return f"line {self.line} needs Python {self.version[0]}.{self.version[1]} or later ({self.name})"


@dataclass
class Older:
    """A text in older words, on as many lines, and the newer forms that it had."""

    text: str
    forms: list[Form] = field(default_factory=list)

    @property
    def newest(self) -> Form:
        """The form that asks for the latest Python, the first of its kind."""
        return min(self.forms, key=lambda form: (-form.version[1], form.line))


class NoPython(ValueError):
    """A string or a bracket that never ends."""


def older(source: str) -> tuple[ast.Module, Form] | None:
    """The syntax tree of a text that this Python refuses for its newness, and why; None for any other text."""
    try:
        found = without_strings(source)
        for rewrite in (generics, aliases, exceptions, lazy_imports, unpacked):
            rewrite(found)
        tree = tree_of(found.text) if found.forms else None
    except (NoPython, RecursionError):
        return None
    return None if tree is None else (tree, found.newest)


def tree_of(source: str) -> ast.Module | None:
    """The syntax tree, or None."""
    try:
        with warnings.catch_warnings():
            # Students write "\d"; that is theirs to see, and no reason to stop.
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


# --- strings -----------------------------------------------------------------------------------------------


def without_strings(source: str, depth: int = 0) -> Older:
    """The text with empty strings and comments; NoPython when a string does not end, or goes wrong inside."""
    parts, forms, at = list[str](), list[Form](), 0
    while found := OPENING.search(source, at):
        parts.append(source[at : found.start()])
        at = found.end()
        if found["quote"] is None:
            continue
        prefix = (found["prefix"] or "").lower()
        line = source.count("\n", 0, found.start()) + 1
        if prefix in TEMPLATE_PREFIXES:
            at, fields = template(source, at, found["quote"], depth)
            text = source[found.start() : at]
            if prefix.strip("r") == "t":
                forms.append(Form((3, 14), line, "t-string"))
            elif tree_of(text) is None:
                forms.append(Form((3, 12), line, "f-string"))
            for inner in fields:
                check_field(inner, depth)
        else:
            at = string_end(source, at, found["quote"])
            text = source[found.start() : at]
        parts.append(f"{'b' if 'b' in prefix else ''}''''''" if "\n" not in text else triple(prefix, text))
    return Older("".join([*parts, source[at:]]), forms)


def triple(prefix: str, text: str) -> str:
    """An empty string on as many lines."""
    return ("b" if "b" in prefix else "") + "'''" + "\n" * text.count("\n") + "'''"


def string_end(source: str, at: int, quote: str) -> int:
    """Where a string ends whose opening quote ends here."""
    found = REST[quote].match(source, at)
    if found is None:
        raise NoPython("a string does not end")
    return found.end()


def template(source: str, at: int, quote: str, depth: int) -> tuple[int, list[str]]:
    """Where an f-string ends whose opening quote ends here, and the expressions in it."""
    if depth > NESTED_MAX:
        raise NoPython("f-strings are nested too deeply")
    fields: list[str] = []
    while at < len(source):
        if source.startswith(quote, at):
            return at + len(quote), fields
        if source[at] == "\\":
            name = NAMED.match(source, at)
            at = name.end() if name else at + (1 if source[at + 1 : at + 2] in "{}" else 2)
        elif source[at : at + 2] in ("{{", "}}"):
            at += 2
        elif source[at] == "{":
            at = replacement(source, at + 1, depth, fields)
        elif source[at] == "}" or (source[at] == "\n" and len(quote) == 1):
            break
        else:
            at += 1
    raise NoPython("an f-string does not end")


def replacement(source: str, at: int, depth: int, fields: list[str]) -> int:
    """Where a replacement field ends whose opening brace ends here; its expressions are added to the fields."""
    end = expression_end(source, at, depth, "!:}")
    fields.append(source[at:end])
    if source[end] == "!":
        conversion, end = end, expression_end(source, end + 1, depth, ":}")
        if source[conversion + 1 : end].strip() not in ("r", "s", "a"):
            raise NoPython("a conversion is not known")
    return format_end(source, end + 1, depth, fields) if source[end] == ":" else end + 1


def format_end(source: str, at: int, depth: int, fields: list[str]) -> int:
    """Where a field ends whose format begins here: text and more fields."""
    if depth > NESTED_MAX:
        raise NoPython("formats are nested too deeply")
    while at < len(source) and source[at] != "}":
        at = replacement(source, at + 1, depth + 1, fields) if source[at] == "{" else at + 1
    if at >= len(source):
        raise NoPython("a format does not end")
    return at + 1


def expression_end(source: str, at: int, depth: int, stops: str) -> int:
    """The position of the first of these characters outside of brackets and strings."""
    open_brackets: list[str] = []
    while at < len(source):
        character = source[at]
        if not open_brackets and character in stops and source[at : at + 2] != "!=":
            return at
        if character in BRACKETS:
            open_brackets.append(BRACKETS[character])
        elif open_brackets and character == open_brackets[-1]:
            open_brackets.pop()
        found = OPENING.match(source, at) if character in "#'\"" or character.isalpha() else None
        if found is None:
            at += 1
        elif found["quote"] is None:
            at = found.end()
        elif (found["prefix"] or "").lower() in TEMPLATE_PREFIXES:
            at, _ = template(source, found.end(), found["quote"], depth + 1)
        else:
            at = string_end(source, found.end(), found["quote"])
    raise NoPython("a replacement field does not end")


def check_field(text: str, depth: int) -> None:
    """NoPython unless a replacement field holds an expression; ``=`` at its end shows it too."""
    inner = without_strings(re.sub(r"(?<![=!<>])=\s*$", "", text), depth + 1)
    if not inner.text.strip() or tree_of(f"({inner.text}\n)") is None:
        raise NoPython("a replacement field holds no expression")


# --- statements --------------------------------------------------------------------------------------------


def generics(found: Older) -> None:
    """``def f[T](x)`` and ``class A[T]`` without their type parameters."""
    for match in reversed(list(GENERIC.finditer(found.text))):
        drop_parameters(found, match.end())


def aliases(found: Older) -> None:
    """``type X = int`` as an assignment."""
    for match in reversed(list(ALIAS.finditer(found.text))):
        start, end = match.span("word")
        known = len(found.forms)
        if match["generic"]:
            drop_parameters(found, match.end() - 1)
        if re.match(r"(?:\w|\\\n|[ \t])*+=(?!=)", found.text[end:]):
            del found.forms[known:]
            found.forms.append(Form((3, 12), line_at(found.text, start), "type statement"))
            found.text = found.text[:start] + found.text[end:]


def exceptions(found: Older) -> None:
    """``except A, B:`` with the brackets that it had to have."""
    for match in reversed(list(EXCEPT.finditer(found.text))):
        if not re.search(r"\bas\b", match["types"]):
            found.forms.append(Form((3, 14), line_at(found.text, match.start()), "except without brackets"))
            found.text = f"{found.text[: match.end('start')]}({match['types']}){found.text[match.end() :]}"


def lazy_imports(found: Older) -> None:
    """``lazy import x`` as an import."""
    drop_words(found, LAZY, "lazy import")


def unpacked(found: Older) -> None:
    """``[*row for row in rows]`` without the star."""
    drop_words(found, UNPACKED, "unpacking in a comprehension")


def drop_words(found: Older, pattern: re.Pattern[str], name: str) -> None:
    """The text without the word that makes a form of 3.15."""
    for match in reversed(list(pattern.finditer(found.text))):
        start, end = match.span("word")
        found.forms.append(Form((3, 15), line_at(found.text, start), name))
        found.text = found.text[:start] + found.text[end:]


def drop_parameters(found: Older, start: int) -> None:
    """The text without the type parameters in the bracket that opens here, if they are such."""
    end = bracket_end(found.text, start)
    inside = found.text[start + 1 : end - 1]
    tree = tree_of(f"def parameters({inside}): pass")
    if tree is not None and inside.strip():
        version = (3, 13) if has_defaults(tree) else (3, 12)
        found.forms.append(Form(version, line_at(found.text, start), "type parameters"))
        found.text = found.text[:start] + "\\\n" * inside.count("\n") + found.text[end:]


def has_defaults(tree: ast.Module) -> bool:
    """Whether a parameter of the function has a default."""
    return any(node.defaults or any(node.kw_defaults) for node in ast.walk(tree) if isinstance(node, ast.arguments))


def bracket_end(text: str, start: int) -> int:
    """Where the bracket that opens here is closed."""
    depth = 0
    for at, character in brackets(text, start):
        depth += 1 if character in BRACKETS else -1
        if depth == 0:
            return at + 1
    raise NoPython("a bracket is not closed")


def brackets(text: str, start: int) -> Iterator[tuple[int, str]]:
    """(position, bracket) from here on."""
    return ((found.start(), found[0]) for found in BRACKET.finditer(text, start))


def line_at(text: str, position: int) -> int:
    """The line that holds a position, counted from 1."""
    return text.count("\n", 0, position) + 1
