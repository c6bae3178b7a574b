"""What works in a student's own environment and not where it is graded: the one table, and what follows from it.

Not run is not wrong. A statement that fails for one of these causes is left out and the rest of its cell is run
(runner.py, which gets the patterns with every request). An exercise that fails for one of them, or for a name that such
a statement would have bound, waits for a person. All of it is decided from texts that the student's process chose, and
so it may only ever turn a zero into a question: no point is given for it.
"""

import marshal
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from nbformat import NotebookNode

from autograder.models import Fault, Observation
from autograder.observe.wire import Failure
from autograder.submission.syntax import assigned, foreign, outline, source_lines, syntax_error

LINE_MAX_CHARS = 80
NOTED_MAX = 40
"""Faults of one notebook; nobody reads more."""
NO_SUCH_NAME = "the installed version of the library has no such name"
NUMPY_NAMES = (
    "float|int|bool|object|str|complex|long|unicode|bool8|float_|complex_|unicode_|string_|Inf|Infinity|NaN|PINF|NINF"
    "|infty|product|cumproduct|alltrue|sometrue|row_stack|in1d|trapz|round_|asfarray|mat|issctype|find_common_type"
    "|int0|uint0|str0|bytes0|object0|void0|cfloat|longfloat|longcomplex|singlecomplex|clongfloat|msort|asscalar|cast"
    "|sctypes|sctype2char|obj2sctype|maximum_sctype|issubsctype|nbytes|set_string_function|source|lookfor|who|alen"
)
"""Names that NumPy had once."""
PYTHON_NAMES = {
    "math": "sumprod|fma",
    "itertools": "batched",
    "copy": "replace",
    "collections": "(?:Mutable)?(?:Mapping|Sequence|Set)|Iterable|Iterator|Callable|Hashable|Sized|Container",
    "inspect": "getargspec|formatargspec",
    "typing": "override|TypeIs|ReadOnly|NoDefault|TypeAliasType|evaluate_forward_ref",
    "warnings": "deprecated",
    "functools": "Placeholder",
    "operator": "is_none|is_not_none",
    "random": "binomialvariate",
    "time": "clock",
    "fractions": "gcd",
    "os": "process_cpu_count",
    "asyncio": "coroutine",
    "types": "get_original_bases|CapsuleType",
    "heapq": "heapify_max|heappush_max|heappop_max",
    "uuid": "uuid6|uuid7|uuid8",
}
"""Names of the standard library that Pythons before or after this one have: module -> names."""
OTHER_PYTHONS = "|".join(f"{module}' has no attribute '(?:{names})" for module, names in PYTHON_NAMES.items())
ACCELERATOR = r"cuda|nvidia|nvml|(?<![a-z])gpus?(?![a-z])|\btpus?\b|\bmps\b|\bxla\b|\bxpu\b|\bhip\b"


@dataclass(frozen=True)
class Cause:
    """Something that this place lacks: how its absence is told, and in what words we tell it."""

    pattern: str
    """Matches "TYPE: MESSAGE", a line end, and the line that failed."""
    words: str


CAUSES = (
    Cause(r"(?:ModuleNotFoundError|PackageNotFoundError): ", "a module that it needs is not there when graded"),
    Cause(r"ImportError: ", "the installed version of the library has no such name, or lacks something that it needs"),
    Cause(
        rf"AttributeError: (?:module 'numpy' has no attribute '(?:{NUMPY_NAMES})'|`np\.)"
        rf"|AttributeError: module '(?:{OTHER_PYTHONS})'"
        r"|(?:AttributeError|RuntimeError): [^\n]*(?:now|been|was|were) removed",
        NO_SUCH_NAME,
    ),
    Cause(
        r"(?:LocalEntryNotFoundError|OfflineModeIsEnabled|HfHubHTTPError|RepositoryNotFoundError|GatedRepoError"
        r"|LocalTokenNotFoundError|ConnectionError|ConnectTimeout|ReadTimeout|ConnectError|ConnectTimeoutError"
        r"|MaxRetryError|NameResolutionError|SSLError|ProxyError|URLError|HTTPError|gaierror|ConnectionRefusedError"
        r"|ConnectionResetError|CommError|AuthenticationError): "
        r"|\w+: [^\n]*(?:huggingface\.co|Hugging ?Face Hub|on the Hub|offline mode|Network is unreachable"
        r"|Temporary failure in name resolution|valid model identifier|Can't load \w+ for|Can't find '\w+\.json'"
        r"|log ?in\b|logged in|api[_ ]key)",
        "there is no network and no login when graded",
    ),
    Cause(
        r"StdinNotImplementedError: |BdbQuit: |EOFError: EOF when reading a line|TclError: |\w+: [^\n]*input requests",
        "nobody is there to answer when graded",
    ),
    Cause(
        r"(?:FileNotFoundError|NotADirectoryError|PermissionError|AccessDenied|BlockingIOError|CalledProcessError"
        r"|InductorError|BackendCompilerFailed|InvalidCxxCompiler|CppCompileError): |OSError: \[Errno"
        r"|Exception: File `[^\n]*` not found"
        r"|(?:OSError|RuntimeError): [^\n]*(?:[Nn]o such file|not a directory|Read-only file|directory \S+ does not)",
        "a file, folder or program that it needs is not there when graded",
    ),
    Cause(
        r"UsageError: |\w+: [^\n]*(?:unsupported in this environment|not a recognised GUI loop)",
        "the command is not known when graded",
    ),
    Cause(
        r"RuntimeError: [^\n]*(?:running event loop|loop is already running)", "an event loop runs already when graded"
    ),
    Cause(
        r"KeyError: [^\n]*\n[^\n]*\benviron\b|\w+: [^\n]*environment variable",
        "an environment variable that it needs is not set when graded",
    ),
    Cause(
        # Most messages of this type list every backend that there is.
        rf"(?!NotImplementedError)\w+: [^\n]*(?i:{ACCELERATOR})"
        r"|NotImplementedError: Could not run '[^']*' with arguments from the '(?!CPU|Meta|Sparse|Quantized)"
        rf"|\w+: [^\n]*\n[^\n]*(?i:{ACCELERATOR})",
        "there is no GPU when graded",
    ),
)
"""A student's own mistake may look like one of these (a module whose name is misspelt): then a person sees it."""
PATTERNS = [cause.pattern for cause in CAUSES]
MATCHERS = [(re.compile(cause.pattern, re.DOTALL), cause.words) for cause in CAUSES]
MISSING = re.compile(r"(?:name '|the notebook defines no function `)(\w+)(?:' is not defined|`)")
FRAME = re.compile(r"in (?:\w+|<\w+>), line \d{1,6}: (.*)", re.DOTALL)


def words_for(kind: str, message: str, line: str, causes: Iterable[Cause] = ()) -> str:
    """What this place lacked when an exception was raised, or an empty text.

    ``causes`` are those of one submission and its assignment.
    """
    told = f"{kind}: {' '.join(message.split())}\n{line}"
    own = (cause.words for cause in causes if re.match(cause.pattern, told))
    return next(own, "") or next((words for pattern, words in MATCHERS if pattern.match(told)), "")


def changed_names(libraries: Iterable[str]) -> tuple[Cause, ...]:
    """The cause that says that one of these libraries has a name in another version; none without libraries."""
    modules = "|".join(map(re.escape, libraries))
    pattern = rf"AttributeError: (?:partially initialized )?module '?(?:{modules})\b[\w.]*'? has no attribute "
    return (Cause(pattern, NO_SUCH_NAME),) if modules else ()


def newer_modules(newer: Mapping[str, str]) -> tuple[Cause, ...]:
    """Causes for the modules beside a notebook that this Python cannot run: name -> why."""
    return tuple(
        Cause(rf"SyntaxError: [^\n]*\({re.escape(name.rpartition('/')[2])}, line \d", f"in {name}, {why}")
        for name, why in newer.items()
    )


def missing_name(kind: str, message: str) -> str:
    """The name that an exception says is not bound, or an empty text."""
    found = MISSING.match(message) if kind == "NameError" else None
    return found[1] if found else ""


@dataclass
class LeftOut:
    """What of one notebook was not run up to now, and what is missing for it."""

    causes: tuple[Cause, ...] = ()
    """Those of this submission, besides the table's."""
    lost: dict[str, str] = field(default_factory=dict)
    """Name -> the sentence on the statement that would have bound it."""
    stopped: dict[str, str] = field(default_factory=dict)
    """Name -> the student's own error that kept their cell from binding it."""
    sources: tuple[str, ...] = ()
    """Of the code cells."""
    noted: int = 0

    @classmethod
    def of(
        cls, notebook: NotebookNode, unread: Mapping[str, str], skipped: Iterable[int], causes: tuple[Cause, ...] = ()
    ) -> "LeftOut":
        """What is known before a run: names that nobody reads, and cells to be skipped, as they killed the kernel."""
        cells = {i: cell for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"}
        found = cls(causes, dict(unread), sources=tuple(cell.source for cell in cells.values()))
        for i in sorted(cells.keys() & set(skipped)):
            found.lost |= dict.fromkeys(assigned(cells[i].source), "its cell killed the kernel and was left out")
        return found

    @cached_property
    def lines(self) -> frozenset[str]:
        """Every line of the cells: what the student's process says of a line is repeated if it is one of these.

        Only an exercise that fails asks for them, and the homework's own cells are long.
        """
        return frozenset(line.strip() for source in self.sources for line in source_lines(source))

    @property
    def patterns(self) -> list[str]:
        """What the student's process needs to know of the causes."""
        return [cause.pattern for cause in self.causes] + PATTERNS

    def note(self, cell: NotebookNode, where: str, failures: Iterable[Failure]) -> Iterator[Fault]:
        """Remember what failed in a cell; a fault for everything that was left out for the sake of this place."""
        for failure in failures:
            names = [name for name in failure.names if name == "*" or name in cell.source]
            if failure.line == 0:
                newer = outline(cell.source).newer
                why, told = newer and f"{newer}, and none of the cell was run", syntax_error(cell.source)
            else:
                line = cell_line(cell, failure.line)
                cause = self.cause(failure.type, failure.message, line)
                why = cause and f"line {failure.line}, `{line}`, was not run{only(line, names)}: {cause}"
                told = f"{failure.type}: {failure.message[:200]} (line {failure.line}: `{line}`)"
            if not why:
                first = self.stopped.get(missing_name(failure.type, failure.message))
                self.stopped |= dict.fromkeys(names, first or told or f"{failure.type}: {failure.message[:200]}")
                continue
            # Of a chain of such statements the first one is named, whatever hangs on it.
            root = self.lost.get(missing_name(failure.type, failure.message)) or f"in {where}, {why}"
            self.lost |= dict.fromkeys(names, root)
            self.noted += 1
            if self.noted <= NOTED_MAX:
                yield Fault(where, "left_out", why)

    def cause(self, kind: str, message: str, line: str) -> str:
        """Why something could not be run here, or an empty text when it failed for its own sake."""
        name = missing_name(kind, message)
        if not name:
            return words_for(kind, message, line, self.causes)
        reason = self.lost.get(name) or self.lost.get("*", "")
        return reason and f"it needs `{name}`; {reason}"

    def explain(self, grade_id: str, observation: Observation) -> Iterator[Fault]:
        """Why an exercise that fails may be right all the same, or which error of its cell's made it fail."""
        for error in errors_in(observation.values):
            found = [FRAME.fullmatch(frame) for frame in error["frames"] if isinstance(frame, str)]
            line = next((f[1] for f in reversed(found) if f and f[1] in self.lines), "")[:LINE_MAX_CHARS]
            why = self.cause(error["type"], error["message"], line)
            if why:
                yield Fault(grade_id, "not_run", f"`{line}` could not be run: {why}" if line else why)
                return
            name = missing_name(error["type"], error["message"])
            if name in self.stopped:
                told = f"the cell failed before it defined `{name}`: {self.stopped[name]}"
                yield Fault(grade_id, "stopped", told)


def cell_line(cell: NotebookNode, number: int) -> str:
    """The line of a cell, as much of it as a sentence can hold."""
    lines = source_lines(cell.source)
    return lines[number - 1].strip()[:LINE_MAX_CHARS] if number <= len(lines) else ""


def only(line: str, names: list[str]) -> str:
    """Which of the names that a line imports it was, if there are several."""
    several = line.startswith(("from ", "import ")) and ("," in line or line.endswith("("))
    return f" for {', '.join(f'`{name}`' for name in names)}" if several and names else ""


def errors_in(values: Any) -> Iterator[dict[str, Any]]:
    """The exceptions in a tree of values; in most replies there is none, which their text tells sooner than a walk."""
    stack = [values] if b"frames" in marshal.dumps(values) else []
    while stack:
        value = stack.pop()
        if isinstance(value, dict) and is_error(value):
            yield value
        if isinstance(value, dict | list):
            stack += value.values() if isinstance(value, dict) else value


def is_error(value: dict[str, Any]) -> bool:
    """Whether this is what a probe tells of an exception."""
    texts = (value.get("type"), value.get("message"))
    return all(isinstance(text, str) for text in texts) and isinstance(value.get("frames"), list)


def cell_request(cell: NotebookNode, asked: Iterable[str]) -> dict[str, Any]:
    """One cell of a request to the runner, and the functions that it is asked for."""
    nbgrader = cell.metadata.get("nbgrader", {})
    locked = bool(nbgrader.get("grade_id")) and not nbgrader.get("solution")
    known = None if locked else outline(cell.source)
    return {
        "source": cell.source,
        "locked": locked,
        "asked": sorted(asked),
        # A cell that is empty, or a shell's: nothing in it can answer for the functions.
        "idle": foreign(cell.source) or (known is not None and known.python and not known.statements),
        "newer": sorted(known.names) if known is not None and known.newer else [],
    }
