"""How often Python looks for cycles of objects in our processes that work through a whole class."""

import gc

THRESHOLDS = (50_000, 20, 20)
"""New objects before the youngest generation is looked at, and how often before the next older one is."""


def look_for_cycles_seldom() -> None:
    """Leave alone what is imported by now, and look at the rest seldom.

    A Record is many objects and few cycles: with Python's own thresholds, a sixth of the judge's time goes into looking
    through modules that never change (``make bench-scale``).
    """
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
