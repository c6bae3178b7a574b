"""Times of submissions, as platforms and people write them: read right, or said not to be readable."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from autograder.submission.times import Times, Untimely, canonical, time_text

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
CHICAGO = Times(ZoneInfo("America/Chicago"))


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31 12:00:00 UTC",
        "2026-01-31 12:00:00",
        "2026-01-31 07:00:00 EST",
        "2026-01-31 07:00:00.000000 EST",
        "2026-01-31 13:00:00 +0100",
        "2026-01-31 13:00:00 +01",
        "2026-01-31T13:00:00+01:00",
        "2026-01-31T12:00:00Z",
        "2026-01-31 13:00:00 CET",
        "2026-01-31 17:45:00 +05:45",
        "2026-01-31 13:00:00 Europe/Berlin",
        "2026-01-31 13:00 UTC+1",
        "2026-01-31 04:00 PST",
        "31 January, 2026 1200 PM",
        "Jan 31, 2026 12:00 PM",
        "20260131120000",
        "20260131120000000",
        "1769860800",
        "1769860800000",
    ],
)
def test_a_time_is_read_with_its_zone(text: str) -> None:
    assert Times().read(text) == NOON


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no"),
        ("yesterday evening", "is no time"),
        ("Monday", "no whole time"),
        ("2026-01-31", "no whole time"),
        ("12:00", "no whole time"),
        ("01/02/2026 12:00", "could be two days"),
        ("2026-01-31 12:00:00 IST", "means several time zones"),
        ("2026-01-31 12:00:00 XYZT", "no time zone that is known"),
        ("2026-01-31 12:00:00 Mars/Base", "no time zone that is known"),
        ("99999999999999999", "is no time"),
        ("12", "no whole time"),
        ("0" * 400, "is no time"),
        ("2026-13-45 99:00:00 UTC", "is no time"),
        ("\x1b[31m9", "is no time"),
    ],
)
def test_what_is_no_time_for_sure_is_said_not_guessed(text: str, said: str) -> None:
    with pytest.raises(Untimely, match=said) as told:
        Times().read(text)
    assert str(told.value).isprintable()


def test_the_courses_zone_decides_what_an_abbreviation_means_and_what_no_zone_means() -> None:
    assert CHICAGO.read("2026-01-31 06:00:00 CST") == NOON
    assert CHICAGO.read("2026-01-31 06:00:00") == NOON
    assert Times.of_zone("America/Chicago").read("2026-01-31 06:00:00") == NOON
    assert Times.of_zone("").read("2026-01-31 12:00:00") == NOON


def test_a_day_above_twelve_is_no_month() -> None:
    assert Times().read("31/01/2026 12:00").month == 1


def test_a_file_of_any_editor_is_read() -> None:
    text = "2026-01-31 12:00:00 UTC"
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-be"):
        data = text.encode(encoding)
        assert time_text((b"\xfe\xff" if encoding == "utf-16-be" else b"") + data + b"") == text


def test_nbgrader_reads_what_is_written_for_it() -> None:
    from nbgrader.utils import parse_utc

    for moment in (NOON, NOON.replace(microsecond=948203)):
        assert parse_utc(canonical(moment)) == moment.replace(tzinfo=None)
