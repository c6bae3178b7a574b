"""Mutated notebooks through reading and alignment, and mutated probe replies through their decoder.

Run as ``python -m tests.fuzz 10000``; the tests run a few hundred. Nothing but SubmissionError (notebooks) and
StudentError (replies) may be raised. The long run also insists that nothing takes longer than 2 s, and that memory
stays bounded.
"""

import sys
import time

from tests.fuzz.notebooks import fuzz_notebooks
from tests.fuzz.replies import fuzz_replies

if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for title, act in (("notebooks", fuzz_notebooks), ("replies", fuzz_replies)):
        began = time.monotonic()
        print(act(count).report(title), f"\n  {time.monotonic() - began:.0f} s in all", flush=True)
