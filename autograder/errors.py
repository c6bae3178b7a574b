"""Every exception the package raises on purpose; the class says whose fault it is.

CourseError
├── StudentError        the submission is wrong: scores 0 and gets an explanation
├── SubmissionError     the file cannot be read as this homework: no score, a person decides
├── Unobserved          the kernel was lost before an exercise was probed: no score, a person decides
├── AuthorError         a hidden test, probe or notebook is wrong: no score, ``needs_manual_grade``
├── GraderError         our machinery failed: retry, never a score
│   ├── SandboxError    an isolation layer could not be applied: nothing is run
│   ├── KernelLost      the kernel process went away
│   ├── Starved         the machine did not give it the time that it may use: run again alone
│   ├── Interrupted     somebody ended the run before this one was done: nothing is known about it
│   ├── Unwritable      a file that all submissions share cannot be written: the run ends, the next one goes on
│   └── Locked          another program holds the gradebook, or another run the course
└── UsageError          the command line asked for something that does not exist (exit status 2)
"""


class CourseError(Exception):
    """Base of all of them, so that a caller can catch what we raise and nothing else."""


class StudentError(CourseError):
    """The submission is wrong in a way we can explain; the exercise scores 0."""


class SubmissionError(CourseError):
    """The submitted file is missing or cannot be read as this homework; never a zero."""


class Unobserved(CourseError):
    """The kernel was gone before this exercise could be probed; never a zero."""


class AuthorError(CourseError):
    """A hidden test, a probe or the source notebook is wrong; the student keeps the benefit of the doubt."""


class GraderError(CourseError):
    """Our own machinery failed; the submission may be graded again."""


class SandboxError(GraderError):
    """An isolation layer could not be applied, so nothing was run (fail closed)."""

    def __init__(self, layer: str, problem: str, *, remedy: str) -> None:
        super().__init__(f"sandbox layer '{layer}': {problem}. {remedy}")
        self.layer = layer
        self.problem = problem
        self.remedy = remedy


class KernelLost(GraderError):
    """The kernel process died or had to be killed."""


class Starved(GraderError):
    """A submission did not get the time that it is allowed, or no kernel; nothing is known about it."""


class Interrupted(GraderError):
    """The run was ended before this was done; the next one begins with it."""


class Unwritable(GraderError):
    """The gradebook, the ledger or the disk takes nothing more; what is written stays, and the next run goes on."""


class Locked(GraderError):
    """Another program holds the gradebook, or another run the course; nothing was written."""


class UsageError(CourseError):
    """The command line names something that does not exist; exit status 2."""
