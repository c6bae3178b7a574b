"""When something was handed in: times as platforms, nbgrader and people write them, in UTC, or why one cannot be told.

A time that is read wrong is worse than none: five hours decide whether a student is late. So what can be read in two
ways (two time zones of one abbreviation, day and month that could be exchanged) is not read at all, and said.
"""

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil import parser

from autograder.course import Course
from autograder.errors import SubmissionError, UsageError
from autograder.submission.find import contents
from autograder.text import short_name

STAMP_FILE = "timestamp.txt"
SAID_MAX_CHARS = 4_000
"""Of a file that should hold one time."""
TIME_MAX_CHARS = 100
YEARS = range(1990, 2200)
HOURS_OF_ZONES: dict[str, float] = {
    "UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2, "EEST": 3,
    "MSK": 3, "TRT": 3, "NPT": 5.75, "WIB": 7, "ICT": 7, "HKT": 8, "SGT": 8, "AWST": 8, "JST": 9, "KST": 9,
    "ACST": 9.5, "ACDT": 10.5, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13, "SAST": 2, "BRT": -3, "NDT": -2.5,
    "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PDT": -7, "AKST": -9, "AKDT": -8, "HST": -10,
}  # fmt: skip
"""Of abbreviations that mean one thing. Others (IST, CST, BST, AST, PST) mean several, and are asked of the course."""
PST_OF_AMERICA = timedelta(hours=-8)
ZONES_OF_TWO = {"IST", "CST", "BST", "AST", "SST", "ADT", "WST", "GST", "LMT"}
OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d\d?):?(\d\d)?$")
ZONE_AT_END = re.compile(r"[ ]?(?P<zone>(?:UTC|GMT)?[+-]\d\d?(?::?\d\d)?|[A-Z]{1,5}|[A-Z][A-Za-z]+/[\w/+-]+)$")
"""What follows the time of day; AM and PM are not it."""
SAKAIS_TIME = re.compile(r"\d{8}(\d{6})(\d{3})?$")
"""Sakai's: year to millisecond, in UTC."""
EPOCH = re.compile(r"\d{10}(\.\d+)?$|\d{13}$")


class Untimely(ValueError):
    """A text is no time, or could be two; the message says which."""


@dataclass(frozen=True)
class Times:
    """How a course reads times: the time zone of those that name none, and of abbreviations that mean several."""

    zone: tzinfo = UTC

    @classmethod
    def of_course(cls, course: Course) -> "Times":
        """The reading for a course: its zone is the one in which nbgrader's exchange writes; UsageError if unknown."""
        name = str(course.config.get("Exchange", {}).get("timezone", ""))
        try:
            return cls.of_zone(name)
        except Untimely as error:
            raise UsageError(f"c.Exchange.timezone in nbgrader_config.py: {error}") from error

    @classmethod
    def of_zone(cls, name: str) -> "Times":
        """The reading for a zone by its name in the tz database ("Europe/Berlin") or its abbreviation."""
        return cls(cls().zone_called(name, datetime(2000, 1, 1)) if name else UTC)

    def read(self, text: str) -> datetime:
        """The time in UTC; Untimely says why when there is none to be told for sure."""
        text = " ".join(text.split())
        if len(text) > TIME_MAX_CHARS:
            raise Untimely(f"'{short_name(text)[:60]}' and more is no time")
        try:
            moment = self.moment_in(text)
        except (ValueError, OverflowError, ArithmeticError, TypeError, AttributeError) as error:
            if isinstance(error, Untimely):
                raise
            raise Untimely(f"'{short_name(text)[:60]}' is no time") from error
        if moment.year not in YEARS:
            raise Untimely(f"'{short_name(text)[:60]}' is a time of the year {moment.year}")
        return moment

    def moment_in(self, text: str) -> datetime:
        """The time that a text says."""
        if SAKAIS_TIME.match(text):
            whole = datetime.strptime(text[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            return whole + timedelta(milliseconds=int(text[14:] or 0))
        if EPOCH.match(text):
            return datetime.fromtimestamp(float(text) / (1000 if len(text) == 13 and "." not in text else 1), UTC)
        zone = ZONE_AT_END.search(text)
        if zone is None or zone["zone"] in ("AM", "PM") or not re.search(r"\d:\d\d|\dT\d|\d{4} ?[AP]M", text):
            return self.wall_clock(text).replace(tzinfo=self.zone).astimezone(UTC)
        moment = self.wall_clock(text[: zone.start()])
        return moment.replace(tzinfo=self.zone_called(zone["zone"], moment)).astimezone(UTC)

    def wall_clock(self, text: str) -> datetime:
        """Year to minute as a clock shows them; Untimely when one is missing, or day and month are not sure."""
        # Brightspace writes 1159 PM.
        text = re.sub(r"\b(\d{1,2})(\d\d) ?([AP]M)\b", r"\1:\2 \3", text, flags=re.IGNORECASE)
        defaults = datetime(1996, 2, 1), datetime(2000, 3, 2, 1, 1)
        found = {parser.parse(text, default=default, ignoretz=True) for default in defaults}
        if len({one.replace(second=0) for one in found}) > 1:
            raise Untimely(f"'{short_name(text)[:60]}' is no whole time, with year, month, day, hour and minute")
        (moment,) = found
        if parser.parse(text, default=defaults[0], ignoretz=True, dayfirst=True) != moment and not text[:4].isdigit():
            raise Untimely(f"'{short_name(text)[:60]}' could be two days; write it as 2026-01-31 12:00:00 UTC")
        return moment

    def zone_called(self, name: str, moment: datetime) -> tzinfo:
        """The time zone that a text names; Untimely when nobody knows it, or it could be several."""
        if found := OFFSET.match(name):
            minutes = 60 * int(found[2]) + int(found[3] or 0)
            return timezone(timedelta(minutes=minutes if found[1] == "+" else -minutes))
        if self.zone.tzname(moment) == name:
            return self.zone
        if name in HOURS_OF_ZONES:
            return timezone(timedelta(hours=HOURS_OF_ZONES[name]))
        if name == "PST":
            return timezone(PST_OF_AMERICA)
        if name not in ZONES_OF_TWO and "/" in name:
            try:
                return ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                pass
        several = "means several time zones" if name in ZONES_OF_TWO else "is no time zone that is known here"
        remedy = "set c.Exchange.timezone in nbgrader_config.py, or write the offset (+0100)"
        raise Untimely(f"'{short_name(name)}' {several}; {remedy}")


def time_text(data: bytes, max_bytes: int | None = SAID_MAX_CHARS) -> str:
    """What a small file says that somebody may have saved with any editor."""
    data = data[:max_bytes]
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if data.startswith(mark):
            return data.decode(encoding, "replace").strip()
    return data.decode("utf-8", "replace").strip()


def stamp_of(course: Course, folder: Path) -> tuple[datetime | None, str]:
    """The time in nbgrader's file beside a submission, and a note when it holds none that can be read."""
    path = folder / STAMP_FILE
    if not os.path.lexists(path):
        return None, ""
    try:
        text = time_text(contents(path))
        return (Times.of_course(course).read(text), "") if text else (None, "")
    except (Untimely, SubmissionError) as error:
        return None, f"its {STAMP_FILE} tells no time: {error}"


def canonical(moment: datetime) -> str:
    """A time as nbgrader writes it into timestamp.txt, and reads it for sure."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S.%f} UTC" if moment.microsecond else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
