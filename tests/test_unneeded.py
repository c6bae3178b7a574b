"""What our commands leave out when they start."""

import subprocess
import sys

from autograder import unneeded


def built_by(start: str) -> bool:
    """Whether a new process that begins so has the grammar of addresses, or the library that builds it."""
    code = f"{start}; import sys; print(any(sys.modules.get(name) for name in ({unneeded.GRAMMAR!r}, 'lark')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout == "True\n"


def test_no_command_builds_the_grammar_of_addresses() -> None:
    assert not built_by("import autograder.cli")


def test_twin_the_library_would_build_it() -> None:
    assert built_by("import jsonschema")
