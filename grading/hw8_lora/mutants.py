"""The mutants that `autograder release` grades: for each hidden test the first one that it is known to fail.

All of them, in ``mutants_*.py``, are judged by the tests of this repository, which takes minutes in kernels.
"""

from . import mutants_freezing, mutants_hooks, mutants_injection, mutants_layers, mutants_peft, mutants_start
from .properties import PROPERTIES

PARTS = (mutants_freezing, mutants_layers, mutants_hooks, mutants_start, mutants_injection, mutants_peft)
BY_NAME = {mutant.name: mutant for part in PARTS for mutant in part.MUTANTS}
FIRST = {(row.todo, row.test): row.mutant for row in reversed(PROPERTIES) if row.mutant in BY_NAME}
MUTANTS = tuple(BY_NAME[name] for name in dict.fromkeys(FIRST.values()))
