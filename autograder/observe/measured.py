"""What a notebook says that it has measured, such as accuracies: read for a person, and believed by nobody."""

import math
import re
from collections.abc import Mapping

from autograder.models import Fault, Observation

MEASURED_MAX, VALUES_MAX = 40, 50
MEASURED_NAME = re.compile(r"[\w =.-]{1,60}")


def measured_in(observation: Observation) -> dict[str, list[float]]:
    """Name -> the values of it, in the order of the epochs; what is malformed is left out."""
    rows = observation.values.get("measured") if isinstance(observation.values, dict) else None
    found: dict[str, list[float]] = {}
    for name, values in list(rows.items())[:MEASURED_MAX] if isinstance(rows, dict) else ():
        numbers = [v for v in values if type(v) in (int, float)][:VALUES_MAX] if isinstance(values, list) else []
        if isinstance(name, str) and MEASURED_NAME.fullmatch(name) and numbers:
            found[name] = [float(v) for v in numbers if abs(v) < 1e12 and math.isfinite(v)]
    return {name: numbers for name, numbers in found.items() if numbers}


def below_expected(measured: Mapping[str, list[float]], at_least: Mapping[str, float]) -> list[Fault]:
    """A line for a person about everything that right work would have reached, and this has not."""
    return [
        Fault("submission", "measured", f"for a person: {name} is {measured[name][-1]:.2f} after "
              f"{len(measured[name])} epochs, and right work reaches {expected:g}; no points hang on it")
        for name, expected in at_least.items()
        if name in measured and measured[name][-1] < expected
    ]  # fmt: skip
