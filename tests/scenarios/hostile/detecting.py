"""Acting only where the grader is not, or where it has stopped looking."""

from tests.scenarios.hostile.making import before, called

CASES = {
    "behaves only where it thinks that it is graded": called("""
import os, socket, sys
graded = "HW8_PROFILE" in os.environ or socket.gethostname() != "laptop" or "warm" in sys.modules
if not graded:
    raise NotImplementedError
return [True] * 10
"""),
    "behaves only on the first calls": called("""
import builtins
builtins.calls = getattr(builtins, "calls", 0) + 1
if builtins.calls > 3:
    raise NotImplementedError
return [True] * 10
"""),
    "fixes every seed": before("""
import random, numpy, torch
random.seed = numpy.random.seed = torch.manual_seed = torch.seed = lambda *a, **k: None
numpy.random.RandomState = lambda *a, **k: numpy.random.mtrand._rand
torch.random.initial_seed = torch.initial_seed = lambda: 0
"""),
}
