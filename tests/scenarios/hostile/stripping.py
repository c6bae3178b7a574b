"""Assertions that cannot fail: stripped, never run, or their exceptions swallowed."""

from tests.scenarios.hostile.making import first

CASES = {
    "strips assertions from the syntax tree": first("""
import ast
class Strip(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.Pass()
get_ipython().ast_transformers.append(Strip())
"""),
    "strips raise statements from the syntax tree": first("""
import ast
class Strip(ast.NodeTransformer):
    def visit_Raise(self, node):
        return ast.Pass()
    visit_Assert = visit_Raise
get_ipython().ast_transformers.append(Strip())
"""),
    "empties cells with assertions before they are parsed": first("""
get_ipython().input_transformers_cleanup.append(lambda lines: [] if any("assert" in l for l in lines) else lines)
"""),
    "comments assertions out after parsing": first("""
get_ipython().input_transformers_post.append(lambda lines: ["pass\\n" if "assert" in l else l for l in lines])
"""),
    "compiles without assertions": first("""
import builtins
honest = builtins.compile
def lax(*args, **kwargs):
    kwargs["optimize"] = 2
    return honest(*args, **kwargs)
builtins.compile = lax
"""),
    "gives the shell a compiler that knows no assertions": first("""
shell = get_ipython()
honest = shell.compile.__class__.__call__
shell.compile.__class__.__call__ = lambda self, source, name, symbol: compile(source, name, symbol, optimize=2)
"""),
    "makes exec swallow what is raised": first("""
import builtins, IPython.core.interactiveshell as module
honest = builtins.exec
def quiet(*args):
    try:
        honest(*args)
    except BaseException:
        pass
builtins.exec = module.exec = quiet
"""),
    "replaces AssertionError by an exception that is never raised": first("""
import builtins
class Never(BaseException):
    def __new__(cls, *args):
        return StopIteration()
builtins.AssertionError = Never
"""),
    "runs no grade cell": first("""
shell = get_ipython()
honest = shell.run_cell
shell.run_cell = lambda source, *a, **k: honest("" if "assert" in source or "require" in source else source, *a, **k)
"""),
    "runs no code at all, and says that it went well": first("""
import types
async def run_code(self, code, result=None, **kwargs):
    return False
shell = get_ipython()
shell.run_code = types.MethodType(run_code, shell)
"""),
    "shows no traceback": first("""
shell = get_ipython()
shell.showtraceback = shell._showtraceback = shell.showsyntaxerror = lambda *a, **k: None
"""),
    "handles every exception itself": first("""
get_ipython().set_custom_exc((BaseException,), lambda shell, kind, value, trace, tb_offset=None: None)
"""),
    "answers every execution with ok": first("""
kernel = get_ipython().kernel
async def fine(*args, **kwargs):
    return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}
kernel.do_execute = fine
"""),
}
