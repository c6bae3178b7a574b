"""Bulk downloads as learning platforms name them, as a mapping of file name to content."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

Make = Callable[[bytes], dict[str, bytes]]

METADATA = """---
submission_101:
  :submitters:
  - :name: Ada Lovelace
    :sid: '1815'
    :email: ada@example.org
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: 2026-01-30 10:00:00.5 Z
  :score: 0.0
submission_102:
  :submitters:
  - :name: Alan Turing
    :email: alan@example.org
  - :name: Grace Hopper
    :sid: '1906'
  :created_at: 2026-01-31 11:00:00.523000000 Z
"""


def canvas(book: bytes) -> dict[str, bytes]:
    """Canvas: sortable name, late, user, upload, file; a second upload with a number; an anonymous one."""
    return {
        "lovelaceada_1815_70001_hw8_lora.ipynb": b"old",
        "lovelaceada_1815_70009_hw8_lora-1.ipynb": book,
        "turingalan_LATE_1912_70003_hw8_lora.ipynb": book,
        "anon_a1B2c_70004_hw8_lora.ipynb": book,
        "müllerjosé_77_70005_Copy of hw8_lora.ipynb": book,
        "hoppergrace_1906_70006_notes.pdf": b"%PDF",
        "hoppergrace_1906_70007_text.html": b"<html>",
    }


def moodle(book: bytes) -> dict[str, bytes]:
    """Moodle: a folder for each participant; two of the same name; an online text."""
    return {
        "Ada Lovelace_1001_assignsubmission_file_/hw8_lora.ipynb": book,
        "Ada Lovelace_1001_assignsubmission_file_/figures/plot.png": b"png",
        "Alan Turing_1002_assignsubmission_file_/work/final.ipynb": book,
        "Sam Lee_1003_assignsubmission_file_/hw8_lora.ipynb": book,
        "Sam Lee_1004_assignsubmission_file_/hw8_lora.ipynb": book + b" ",
        "Grace Hopper_1005_assignsubmission_onlinetext_/onlinetext.html": b"<p>",
        "Ana O'Neil-Pérez_1006_assignsubmission_file_hw8_lora.ipynb": book,
    }


def blackboard(book: bytes) -> dict[str, bytes]:
    """Blackboard: assignment, user, time, and a text file for each attempt."""
    about = b"Name: Ada Lovelace (ada_l)\r\nAssignment: HW 8\r\nDate Submitted: Friday\r\n"
    return {
        "HW 8_ada_l_attempt_2026-01-30-12-00-00.txt": about,
        "HW 8_ada_l_attempt_2026-01-30-12-00-00_hw8_lora.ipynb": b"old",
        "HW 8_ada_l_attempt_2026-01-31-12-00-00.txt": about,
        "HW 8_ada_l_attempt_2026-01-31-12-00-00_hw8_lora.ipynb": book,
        "HW 8_alan_attempt_2026-01-29-09-30-00_my try.ipynb": book,
    }


def gradescope(book: bytes) -> dict[str, bytes]:
    """Gradescope's export: numbered folders, and who they are in a file."""
    return {
        "assignment_55_export/submission_metadata.yml": METADATA.encode(),
        "assignment_55_export/submission_101/hw8_lora.ipynb": book,
        "assignment_55_export/submission_102/hw8_lora.ipynb": book,
        "assignment_55_export/submission_103/hw8_lora.ipynb": book,
    }


def exchange(book: bytes) -> dict[str, bytes]:
    """What nbgrader's own submit leaves."""
    return {
        "ada+hw8_lora+2026-01-30 15:58:23.948203 UTC/hw8_lora.ipynb": b"old",
        "ada+hw8_lora+2026-01-31 15:58:23.948203 UTC+aB3/hw8_lora.ipynb": book,
    }


def folders(book: bytes) -> dict[str, bytes]:
    """A folder or an archive for each student, as nbgrader's zip_collect finds them."""
    return {
        "downloaded/hw8_lora/archive/ada/hw8_lora.ipynb": book,
        "downloaded/hw8_lora/archive/alan.zip": zipped({"work/hw8_lora.ipynb": book, "__MACOSX/._hw8_lora.ipynb": b""}),
        "downloaded/hw8_lora/archive/grace/hw8_lora/HW8-LoRA.ipynb": book,
    }


def brightspace(book: bytes) -> dict[str, bytes]:
    """Brightspace: a folder for each submission, with the time of the site; two of one name; two attempts."""
    return {
        "index.html": b"<html>",
        "12345-67890 - Ada Lovelace - 30 January, 2026 1158 PM/hw8_lora.ipynb": b"old",
        "12345-67890 - Ada Lovelace - 31 January, 2026 1159 PM/hw8_lora.ipynb": book,
        "12346-67890 - Sam Lee - Jan 31, 2026 905 AM/hw8_lora.ipynb": book,
        "12347-67890 - Sam Lee - Jan 31, 2026 905 AM/work/hw8_lora.ipynb": book,
    }


def sakai(book: bytes) -> dict[str, bytes]:
    """Sakai: a folder for each student, attachments in one of their own, the time to the millisecond."""
    ada, alan, grace = "HW 8/Lovelace, Ada(ada15)", "HW 8/Turing, Alan(alan)", "HW 8/Hopper, Grace(grace)"
    return {
        "HW 8/grades.csv": b'"HW 8","Points"\n\n"Display ID","ID","Last Name","First Name","grade"\n',
        f"{ada}/Submission attachment(s)/hw8_lora.ipynb": book,
        f"{ada}/timestamp.txt": b"20260131235958500",
        f"{ada}/comments.txt": b"",
        f"{ada}/Feedback Attachment(s)/hw8_lora.ipynb": b"last year's",
        f"{alan}/Submission attachment(s)/hw8_lora.ipynb": book,
        f"{alan}/timestamp.txt": b"20260131235959500",
        f"{grace}/comments.txt": b"",
    }


def github_classroom(book: bytes) -> dict[str, bytes]:
    """What `gh classroom clone student-repos` leaves."""
    return {
        "lora-submissions/lora-ada-l/hw8_lora.ipynb": book,
        "lora-submissions/lora-ada-l/README.md": b"# lora",
        "lora-submissions/lora-alan/hw8_lora.ipynb": book,
    }


def classroom_50(book: bytes) -> dict[str, bytes]:
    """What Classroom 50's `gh teacher download` leaves."""
    root = "cs-lora_submissions_2026_02_01_T_14_30_45"
    return {
        f"{root}/scores.csv": b"username,score\n",
        f"{root}/cs-lora-ada-l/hw8_lora.ipynb": book,
        f"{root}/cs-lora-ada-l/result.json": b"{}",
        f"{root}/cs-lora-alan/hw8_lora.ipynb": book,
    }


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these files."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def unzipped(folder: Path, files: dict[str, bytes]) -> Path:
    """The folder with these files in it."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder
