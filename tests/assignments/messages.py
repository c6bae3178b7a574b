"""Write build/messages.md: for every wrong solution of the banks the TODO, its points, and what the student reads.

python -m tests.assignments.messages
"""

import sys
import tempfile
from pathlib import Path

from autograder.models import Score
from tests.assignments import banks
from tests.assignments.judged import judged, scores_of
from tests.builders import GRADING, ROOT

TABLE = ROOT / "build" / "messages.md"
SEED = 2000


def main() -> None:
    """Judge the wrong and the ambiguous solutions, and write the table."""
    sys.path.append(str(GRADING.parent))  # as pytest does: the probes are imported from there
    numbered = [f"{bank}_wrong" for bank in ("first", "second", "third", "fourth", "fifth")]
    entries = [*banks.read(*numbered), *banks.ambiguous()]
    with tempfile.TemporaryDirectory() as folder:
        found = scores_of(entries, judged(entries, Path(folder), SEED))
    rows = [row(entry, score) for entry in entries for score in found[entry.name] if lost(score)]
    head = "# What wrong solutions earn and read\n\n| solution | what is wrong | TODO | points | message |"
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text("\n".join([head, "|---|---|---|---|---|", *rows, ""]), encoding="utf-8")
    print(f"{len(rows)} rows in {TABLE.relative_to(ROOT)}")


def lost(score: Score) -> bool:
    """Whether the TODO lost points, or waits for a person."""
    return score.points != score.max_score


def row(entry: banks.Entry, score: Score) -> str:
    """One line of the table."""
    points = "?" if score.points is None else f"{score.points:g}"
    message = "<br>".join(message.replace("\n", "<br>") for message in score.messages)
    cells = (entry.name, entry.why, score.grade_id.removeprefix("todo"), f"{points} of {score.max_score:g}", message)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    main()
