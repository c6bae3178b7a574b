"""Files for the judge and the grader."""

from tests.scenarios.hostile.making import before

CASES = {
    "plants tests and configuration for the judge": before("""
from pathlib import Path
for folder in (".", "..", "/tmp", "/home/student"):
    for name, text in {
        "conftest.py": "import os; os.environ['PWNED'] = '1'\\ndef pytest_runtest_makereport(*a): return None",
        "pytest.ini": "[pytest]\\naddopts = --collect-only", "sitecustomize.py": "raise SystemExit(0)",
        "usercustomize.py": "raise SystemExit(0)", "numpy.py": "", "autograder.py": "", "test_todo1.py": "",
        "record.json": "{}", "outcomes.json": "[]", "gradebook.db": "",
    }.items():
        try:
            Path(folder, name).write_text(text)
        except OSError:
            pass
"""),
    "plants a start file in every folder of the path": before("""
import os, sys
for folder in [*sys.path, os.path.expanduser("~/.local/lib"), os.path.expanduser("~/.ipython/profile_default/startup")]:
    try:
        os.makedirs(folder, exist_ok=True)
        open(os.path.join(folder, "zz.pth"), "w").write("import os; os._exit(0)")
    except OSError:
        pass
"""),
    "leaves links to files of the grader": before("""
import os
for number, target in enumerate(("/etc/passwd", "../../gradebook.db", "/proc/self/mem", "/var")):
    try:
        os.symlink(target, f"link{number}")
    except OSError:
        pass
"""),
}
