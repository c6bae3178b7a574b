"""What of a student's cell is run after a statement in it has failed, in the student's kernel.

A cell stops at its first error, as at home, with two exceptions. What failed for the sake of this place (the patterns
of elsewhere.py, which come with every request) is left out, and the rest of the cell is run; imports are left out name
by name. And what stands above a definition does not keep it from being made.

What it reports can turn a zero into a question, never into points; so nothing in it is guarded.
"""

import ast
import re
from typing import Any

from IPython.core.interactiveshell import ExecutionResult

from autograder.inside.hints import quote

UNSET = object()
HINTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.AnnAssign)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


class Rest:
    """What stands below the first statement that failed in a cell of the student's."""

    def __init__(self, runner: Any, cell: dict[str, Any], before: dict[str, Any]) -> None:
        self.runner, self.cell, self.before = runner, cell, before
        self.shell = runner.kernel.shell
        self.failures: list[dict[str, Any]] = []
        self.unrun: set[str] = set()
        """Names that the cell would have bound."""
        self.file = ""
        """Under which the cell was compiled."""

    async def run(self) -> None:
        """Run it as far as it is to be run, and unbind what an older statement would answer for."""
        result = self.shell.last_execution_result
        error = result.error_in_exec or result.error_before_exec
        if self.cell["idle"]:
            self.unrun |= {*self.cell["asked"]}
            if error is not None:
                self.note(1, error, self.unrun)
            return self.unbind(self.unrun)
        try:
            body = self.shell.compile.ast_parse(self.shell.transform_cell(self.cell["source"]))
        except Exception:
            self.fail_whole(error)
        else:
            await self.go_on(body.body, error)
        return self.unbind(self.unrun.intersection(self.cell["asked"]))

    def fail_whole(self, error: Any) -> None:
        """Note that not a line could be run; names of a cell in newer syntax are missing for that."""
        self.unrun |= {*self.cell["asked"], *self.cell["newer"]}
        self.note(0, error, self.unrun)
        if self.cell["newer"]:
            self.lose(set(self.cell["newer"]))

    async def go_on(self, rest: list[Any], error: Any) -> None:
        """Run statement after statement until one fails for the student's own sake above no definition."""
        while error is not None and (place := self.place_of(error)) is not None:
            failed, rest = split(rest, place)
            if failed is None:
                return
            here = not self.is_elsewhere(failed, error)
            if not await self.mended(failed, error):
                self.unrun |= names_bound([failed])
                if here and not any(isinstance(node, DEFINITIONS) for node in rest):
                    self.unrun |= {*names_bound(rest), *self.cell["asked"]}
                    self.note(start(failed)[0], error, self.unrun)
                    return
                self.note(start(failed)[0], error, names_bound([failed]))
                if not here:
                    self.lose(names_bound([failed]), imported=isinstance(failed, ast.Import | ast.ImportFrom))
            error = await self.execute(rest)

    async def mended(self, failed: Any, error: Any) -> bool:
        """Whether a statement could be run in part: imports name by name, a definition without its type hints."""
        if isinstance(failed, ast.Import | ast.ImportFrom) and len(failed.names) > 1:
            for alias in failed.names:
                one = ast.copy_location(type(failed)(**{**vars(failed), "names": [alias]}), failed)
                if (missing := await self.execute([one])) is not None:
                    self.note(start(failed)[0], missing, names_bound([one]))
                    self.unrun |= names_bound([one])
                    self.lose(names_bound([one]), imported=True)
            return True
        if isinstance(failed, HINTED) and (type(error) is NameError or self.is_elsewhere(failed, error)):
            return quote(failed) and await self.execute([failed]) is None
        return False

    async def execute(self, nodes: list[Any]) -> Any:
        """Run statements as the kernel runs those of a cell; what was raised, or None."""
        result, shell = ExecutionResult(None), self.shell
        for node in nodes:
            quote(node, self.runner.lost)
        with shell.builtin_trap, shell.display_trap:
            await shell.run_ast_nodes([*nodes], self.file, shell.ast_node_interactivity, shell.compile, result)
        return result.error_in_exec or result.error_before_exec

    def place_of(self, error: Any) -> tuple[int, int] | None:
        """Line and column in the cell at which it failed; None when that cannot be told."""
        trace = error.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            if code.co_name == "<module>" and is_of_cell(code.co_filename):
                self.file = code.co_filename
                line, _, column, _ = list(code.co_positions())[trace.tb_lasti // 2]
                return line or trace.tb_lineno, column or 0
            trace = trace.tb_next
        if isinstance(error, SyntaxError) and error.lineno:
            self.file = self.file or str(error.filename)
            return error.lineno, 10**6
        return None

    def is_elsewhere(self, failed: Any, error: Any) -> bool:
        """Whether a statement failed for the sake of this place; the host has the same rule and decides."""
        missing = re.match(r"name '(\w+)' is not defined", str(error)) if isinstance(error, NameError) else None
        if missing is not None:
            return bool(self.runner.lost & {missing[1], "*"})
        line = self.cell["source"].split("\n")[start(failed)[0] - 1 + self.skipped :][:1]
        told = f"{type(error).__name__}: {' '.join(str(error).split())}\n{''.join(line)}"
        return any(re.match(pattern, told, re.DOTALL) for pattern in self.runner.elsewhere)

    @property
    def skipped(self) -> int:
        """Empty lines above the first, which IPython drops."""
        source = self.cell["source"]
        return str(source[: len(source) - len(source.lstrip())]).count("\n")

    def note(self, line: int, error: Any, names: set[str]) -> None:
        """Report a failure."""
        row = {"line": line and line + self.skipped, "type": type(error).__name__, "message": str(error)[:1000]}
        self.failures.append(row | {"names": sorted(names)[:100]})

    def lose(self, names: set[str], *, imported: bool = False) -> None:
        """Remember names that stay unbound; the student's own older value must not stand in for a newer one.

        A name that was imported may well come from where it is now: then that serves.
        """
        self.runner.lost |= names
        if not imported:
            self.unbind(names - self.runner.given)

    def unbind(self, names: set[str]) -> None:
        """Remove names that are bound as they were before the cell."""
        space = self.shell.user_ns
        for name in names:
            if name in space and space[name] is self.before.get(name, UNSET):
                del space[name]


def is_of_cell(file: str) -> bool:
    """Whether code with this file name is a cell's."""
    return "ipykernel_" in file


def split(body: list[Any], place: tuple[int, int]) -> tuple[Any, list[Any]]:
    """The statement at a place, and those to be run after it; of an ``if`` the statement within its branch."""
    following: list[Any] = []
    while True:
        at = max((i for i, node in enumerate(body) if start(node) <= place), default=None)
        if at is None:
            return None, []
        node, following = body[at], [*body[at + 1 :], *following]
        branches = [b for b in (node.body, node.orelse) if b and start(b[0]) <= place] if type(node) is ast.If else []
        if not branches:
            return node, following
        body = branches[-1]


def start(node: Any) -> tuple[int, int]:
    """Line and column at which a statement begins, decorators included."""
    first = min([node, *getattr(node, "decorator_list", [])], key=lambda part: part.lineno)
    return first.lineno, first.col_offset if first is node else 0


def names_bound(nodes: list[Any]) -> set[str]:
    """Names that statements bind outside of functions; ``*`` when nobody can tell."""
    found, stack = set(), [*nodes]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif not isinstance(node, ast.Lambda):
            if isinstance(node, ast.Call) and runs_a_file(node):
                found.add("*")
            stack += ast.iter_child_nodes(node)
    return found


def runs_a_file(call: ast.Call) -> bool:
    """Whether a call binds what some text binds: ``exec``, ``%run`` and ``%load``."""
    if isinstance(call.func, ast.Name):
        return call.func.id == "exec"
    magic = isinstance(call.func, ast.Attribute) and call.func.attr == "run_line_magic" and call.args
    return bool(magic) and isinstance(call.args[0], ast.Constant) and call.args[0].value in ("run", "load")
