"""How the tests keep their banks: as tables, name -> case.

Each module of a bank has one called CASES, and the bank's package joins them in the order of its KINDS. A bank that is
data is a file of rows with an id. `make test` takes the first case of each kind, where a case costs kernels, and
`make test-slow` all of them.
"""

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

Case = TypeVar("Case")

WHOLE = os.environ.get("BANKS") == "all"
"""Whether whole banks are taken, as in `make test-slow`. What takes only a sample otherwise is slow then."""


def joined(*tables: Mapping[str, Case]) -> dict[str, Case]:
    """One table of all, in their order; ValueError where two cases have one name, since one of them would be lost."""
    return unique((name, case) for table in tables for name, case in table.items())


def stored(*files: Path) -> dict[str, dict[str, Any]]:
    """The rows of these files by id; ValueError as for ``joined``."""
    rows = [row for file in files for row in json.loads(file.read_text(encoding="utf-8"))]
    return unique((row["id"], row) for row in rows)


def unique(pairs: Iterator[tuple[str, Case]]) -> dict[str, Case]:
    """The table of these pairs."""
    table: dict[str, Case] = {}
    for name, case in pairs:
        if name in table:
            raise ValueError(f"two cases are named {name!r}")
        table[name] = case
    return table


def sampled(*kinds: Mapping[str, Case]) -> dict[str, Case]:
    """The first case of each kind, or all of them."""
    return joined(*(kind if WHOLE else dict(itertools.islice(kind.items(), 1)) for kind in kinds))
