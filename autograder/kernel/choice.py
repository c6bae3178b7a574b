"""Which sandbox kernels get here: namespaces where they can be had, else Landlock; the operator may insist on one."""

from __future__ import annotations

import functools
import os

from autograder.errors import SandboxError, UsageError
from autograder.kernel import layers, sandbox
from autograder.kernel.fence import Fence, missing_here, open_fence
from autograder.kernel.mounts import SandboxPlan
from autograder.kernel.rehearsal import rehearse
from autograder.kernel.sandbox import Sandbox
from autograder.kernel.users import has_users

SANDBOX_VARIABLE = "AUTOGRADER_SANDBOX"
"""Names the sandbox that the operator insists on; there is a choice without it."""

Walls = Sandbox | Fence
"""A sandbox of either kind."""


def sandbox_name() -> str:
    """Its name, one of layers.SANDBOXES; SandboxError when none can be had, UsageError when there is no such one."""
    asked = os.environ.get(SANDBOX_VARIABLE, "")
    if asked and asked not in layers.SANDBOXES:
        raise UsageError(f"{SANDBOX_VARIABLE} is '{asked}': it may be {' or '.join(layers.SANDBOXES)}, or not be set")
    return asked or choose()[0]


def why_this_sandbox() -> str:
    """Why it is not the one with namespaces, or nothing."""
    if os.environ.get(SANDBOX_VARIABLE):
        return f"{SANDBOX_VARIABLE} asks for it" if sandbox_name() == Fence.name else ""
    return choose()[1]


@functools.lru_cache(maxsize=1)
def choose() -> tuple[str, str]:
    """The sandbox for this machine, and what stands in the way of the first choice."""
    try:
        sandbox.require()
    except SandboxError as error:
        if error.layer == "platform":
            raise
        no_namespaces = error
    else:
        return Sandbox.name, ""
    try:
        rehearse()
    except SandboxError as error:
        problem = f"{no_namespaces} Without namespaces: {error}"
        raise SandboxError(no_namespaces.layer, problem, remedy="One of the two is needed") from error
    return Fence.name, no_namespaces.problem


def require_sandbox() -> None:
    """Return when sandboxed kernels can be started here; raise SandboxError with the remedy when not."""
    if not os.environ.get(SANDBOX_VARIABLE):
        choose()
    elif sandbox_name() == Fence.name:
        rehearse()
    else:
        sandbox.require()


def open_walls(plan: SandboxPlan) -> Walls:
    """A new sandbox of the kind that is had here; raises SandboxError when one cannot be made."""
    return open_fence(plan) if sandbox_name() == Fence.name else sandbox.open_sandbox(plan)


def sandbox_in_words() -> str:
    """The sandbox in words, for the head of a run."""
    if sandbox_name() == Sandbox.name:
        return "in a sandbox"
    return f"in a sandbox of Landlock ({why_this_sandbox()})"


def missing_for_want() -> dict[str, str]:
    """Layers of the chosen sandbox that this machine cannot have, each with the reason."""
    return missing_here(with_users=has_users()) if sandbox_name() == Fence.name else {}
