"""Files of grades as the platforms export them, written from their public definitions; nobody in them exists.

In each of them stand the five students of ``gradebooks`` and one whom the course does not have.
"""

from dataclasses import dataclass

from autograder.publish.platform_formats import PlatformName

CANVAS = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,HW 0 (41),PS 1 (42),Essay (43),"
    "Homework Current Score,Notes (50)\r\n"
    ",,,,,,Manual Posting,,(read only),\r\n"
    "    Points Possible,,,,,5.00,20.00,10.00,(read only),\r\n"
    '"Lovelace, Ada",101,s1,ada@example.edu,"Analysis, A",5.00,,9.50,91.7,=1+1\r\n'
    '"Babbage, Bob",102,s2,bob,A,4.00,1.00,,80,\r\n'
    '"Cleo\u0301, Ἀθηνᾶ",103,s3,cleo,A and B,,12,,,-2\r\n'
    '"Dantès, Dan",104,s4,dan,B,3.00,7.00,8.00,1,"two\nlines"\r\n'
    '"Moneypenny, Eve",105,s5,eve,B,,,,,\r\n'
    '"Nobody, Known",106,s6,nobody,B,,3.00,,,\r\n'
    '"Student, Test",107,,0a1b2c,B,,,,,\r\n'
)
CANVAS_SEMICOLONS = CANVAS.replace(",", ";").replace("; ", ", ").replace(".00", ",00")
MOODLE = (
    "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\n"
    'Participant 1001,Ada Lovelace,ada@example.edu,"Submitted for grading - ",,20.00,Yes,'
    '"Saturday, 31 January 2026, 12:00 PM",-,\n'
    "Participant 1002,Bob Babbage,bob@example.edu,Submitted for grading,1.00,20.00,Yes,-,-,old\n"
    "Participant 1003,Cleo\u0301 Ἀθηνᾶ,cleo@example.edu,Submitted for grading,,20.00,Yes,-,-,\n"
    'Participant 1004,Dan Dantès,dan@example.edu,Submitted for grading,7.00,20.00,Yes,-,-,"<p>Two\nlines</p>"\n'
    "Participant 1005,Eve Moneypenny,eve@example.edu,No submission,,20.00,Yes,-,-,\n"
    "Participant 1006,Nobody Known,nobody@example.edu,No submission,3.00,20.00,Yes,-,-,\n"
)
MOODLE_GERMAN = (
    "ID;Vollständiger Name;E-Mail-Adresse;Status;Bewertung;Bestwertung;Bewertung kann geändert werden;"
    "Zuletzt geändert (Abgabe);Zuletzt geändert (Bewertung)\r\n"
    "Teilnehmer/in1001;Ada Lovelace;ada@example.edu;Zur Bewertung abgegeben;;20,00;Ja;-;-\r\n"
    "Teilnehmer/in1002;Bob Babbage;bob@example.edu;Zur Bewertung abgegeben;1,00;20,00;Ja;-;-\r\n"
    "Teilnehmer/in1003;Cleo Ἀθηνᾶ;cleo@example.edu;Zur Bewertung abgegeben;;20,00;Ja;-;-\r\n"
    "Teilnehmer/in1004;Dan Dantès;dan@example.edu;Zur Bewertung abgegeben;7,00;20,00;Ja;-;-\r\n"
    "Teilnehmer/in1005;Eve Moneypenny;eve@example.edu;Keine Abgabe;;20,00;Ja;-;-\r\n"
    "Teilnehmer/in1006;Nobody Known;nobody@example.edu;Keine Abgabe;3,00;20,00;Ja;-;-\r\n"
)
BRIGHTSPACE = (
    "OrgDefinedId,Username,Last Name,First Name,Email,Essay Points Grade <Numeric MaxPoints:10 Weight:5>,"
    "PS 1 Points Grade <Numeric MaxPoints:20 Weight:10 Category:Homework CategoryWeight:50>,"
    "PS 1 Grade Symbol,Calculated Final Grade Numerator,End-of-Line Indicator\n"
    "#0001,#ada,Lovelace,Ada,ada@example.edu,9,,,3,#\n"
    "#0002,#bob,Babbage,Bob,bob@example.edu,,1,F,3,#\n"
    "#0003,#cleo,Ἀθηνᾶ,Cleo,cleo@example.edu,,,,,#\n"
    '#0004,#dan,"Dantès",Dan,dan@example.edu,,7,,,#\n'
    "#0005,#eve,Moneypenny,Eve,eve@example.edu,,,,,#\n"
    "#0006,#nobody,Known,Nobody,nobody@example.edu,,3,,,#\n"
)
BLACKBOARD = (
    '"Last Name"\t"First Name"\t"Username"\t"Student ID"\t"Last Access"\t"Availability"\t'
    '"Weighted Total [Total Pts: up to 30 Percentage] |900"\t"Essay [Total Pts: 10 Score] |901"\t'
    '"PS 1 [Total Pts: 20 Score] |902"\r\n'
    '"Lovelace"\t"Ada"\t"ada"\t"0001"\t"2026-01-31 12:00:00"\t"Yes"\t"91"\t"9"\t""\r\n'
    '"Babbage"\t"Bob"\t"bob"\t"0002"\t"2026-01-31 12:00:00"\t"Yes"\t""\t""\t"1"\r\n'
    '"Ἀθηνᾶ"\t"Cleo"\t"cleo"\t"0003"\t""\t"Yes"\t""\t""\t"Needs Grading"\r\n'
    '"Dantès"\t"Dan"\t"dan"\t"0004"\t""\t"Yes"\t""\t""\t"7"\r\n'
    '"Moneypenny"\t"Eve"\t"eve"\t"0005"\t""\t"No"\t""\t""\t""\r\n'
    '"Known"\t"Nobody"\t"nobody"\t"0006"\t""\t"Yes"\t""\t""\t"3"\r\n'
)


@dataclass(frozen=True)
class Sample:
    """A file, and what is to be known of it."""

    platform: PlatformName
    text: str
    key: str
    """Of the identity table, for the first column of ``ids``."""
    ids: dict[str, str]
    """Student -> what stands in the key's column."""
    id_column: int
    column: int
    encoding: str = "utf-8"
    comma: bool = False

    @property
    def data(self) -> bytes:
        """The file's bytes."""
        return self.text.encode(self.encoding)


def numbered(pattern: str, first: int) -> dict[str, str]:
    """Student -> id, in the order of the files."""
    names = ("ada", "bob", "cleo", "dan", "eve", "nobody")
    return {name: pattern.format(number) for number, name in enumerate(names, first)}


PARTICIPANTS = numbered("Participant {}", 1001)
SAMPLES = {
    "canvas": Sample("canvas", CANVAS, "canvas.id", numbered("{}", 101), 1, 6),
    "canvas-semicolons": Sample("canvas", CANVAS_SEMICOLONS, "canvas.id", numbered("{}", 101), 1, 6, comma=True),
    "moodle": Sample("moodle", MOODLE, "moodle.participant", PARTICIPANTS, 0, 4),
    "moodle-tabs": Sample("moodle", MOODLE.replace(",", "\t"), "moodle.participant", PARTICIPANTS, 0, 4),
    "moodle-german": Sample(
        "moodle", MOODLE_GERMAN, "moodle.participant", numbered("Teilnehmer/in{}", 1001), 0, 4, comma=True
    ),
    "brightspace": Sample("brightspace", BRIGHTSPACE, "brightspace.org_defined_id", numbered("#000{}", 1), 0, 6),
    "blackboard": Sample(
        "blackboard", "\ufeff" + BLACKBOARD, "blackboard.username", {s: s for s in PARTICIPANTS}, 2, 8, "utf-16-le"
    ),
    "blackboard-utf-8": Sample("blackboard", BLACKBOARD, "blackboard.number", numbered("000{}", 1), 3, 8),
}
