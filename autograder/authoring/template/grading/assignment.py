"""What the autograder must know of this homework. All of it has defaults, so this may stay as short as it is."""

from autograder.assignment import Declaration

DECLARATION = Declaration(
    # What every kernel needs is imported once, before the first submission comes.
    imports=("numpy",),
    # Functions of these modules are put back while a probe runs, whatever a notebook has made of them.
    functions_of=("numpy.linalg",),
    # Every Record names the versions of these.
    packages=("numpy",),
)
