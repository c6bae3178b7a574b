"""JUnit XML, which pages of GitLab, Jenkins and others show: a suite for each student, a case for each grade cell."""

from collections.abc import Sequence
from xml.etree import ElementTree

from autograder.models import Graded, Score
from autograder.publish.feedback import reasons
from autograder.text import plain_text


def junit_xml(parts: Sequence[tuple[str, Sequence[Graded]]]) -> bytes:
    """The class as XML. A lost point is a failure; what waits for a person is skipped, which counts as neither."""
    root = ElementTree.Element("testsuites")
    for title, class_ in parts:
        for graded in class_:
            add_suite(root, f"{title}.{plain_text(graded.submission.student)}", graded)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def add_suite(root: ElementTree.Element, name: str, graded: Graded) -> None:
    """One student's grade cells."""
    points = [score.points for score in graded.scores]
    suite = ElementTree.SubElement(root, "testsuite", name=name, errors="0", time=f"{graded.record.wall_s:.1f}")
    counts = {"tests": len(points), "failures": sum(map(is_short, graded.scores)), "skipped": points.count(None)}
    suite.attrib |= {key: str(count) for key, count in counts.items()}
    for score in graded.scores:
        case = ElementTree.SubElement(suite, "testcase", classname=name, name=score.grade_id)
        if score.points is None:
            ElementTree.SubElement(case, "skipped", message="waits for a person").text = "\n".join(reasons(score))
        elif is_short(score):
            shown = f"{score.points:g} of {score.max_score:g} points"
            ElementTree.SubElement(case, "failure", message=shown).text = "\n".join(reasons(score))


def is_short(score: Score) -> bool:
    """Whether points are known to be lost."""
    return score.points is not None and score.points < score.max_score
