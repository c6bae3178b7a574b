"""nbgrader's configuration: which plugins, which course directory. No logic."""

from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ComputeChecksums,
    IncludeHeaderFooter,
    LockCells,
    SaveCells,
)

from autograder.authoring.badge import ColabBadge
from autograder.authoring.stubs import ClearSolutionsByLabel
from autograder.classrun.nbgrader_step import ObserveAndJudge
from autograder.publish.gradebook import SaveScores
from autograder.publish.page import QuietPage

c = get_config()  # noqa: F821

c.CourseDirectory.course_id = "course"

# Where assignments keep their probes and hidden tests; never under source/, which is released.
c.Grading.directory = "grading"

# Where the release can be opened from, "owner/name" on GitHub; empty means no Colab badge.
c.ColabBadge.repository = ""

# nbgrader's own list, with stubs that name their exercise, and the badge.
c.GenerateAssignment.preprocessors = [
    IncludeHeaderFooter,
    LockCells,
    ClearSolutionsByLabel,
    ColabBadge,
    ClearOutput,
    CheckCellMetadata,
    ComputeChecksums,
    SaveCells,
    ClearHiddenTests,
    ClearMarkScheme,
    ComputeChecksums,
    CheckCellMetadata,
]

# Scores come from hidden tests over what was observed, never from a cell's output.
c.Autograde.autograde_preprocessors = [ObserveAndJudge, SaveScores, AssignLatePenalties, CheckCellMetadata]

# Feedback that runs no script and fetches nothing, whatever a student has put into a notebook.
c.GenerateFeedback.exporter_class = QuietPage

# nbgrader looks at the time of the submission alone, and would pass over a manual score or a regrade that came later.
c.GenerateFeedback.force = True
