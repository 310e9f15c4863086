"""When the times of a schedule come, also where a clock is changed."""

from datetime import UTC, datetime

import pytest

from pavane.core.model.schedule import Beat
from pavane.core.model.ticks import fault_in, following, preceding, spelled


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def times(beat: Beat, after: str, count: int) -> list[str]:
    found: list[str] = []
    moment = at(after)
    for _ in range(count):
        moment = following((beat,), moment)
        assert preceding((beat,), moment) == moment
        assert preceding((beat,), moment + 999) == moment
        assert following((beat,), moment - 1) == moment
        found.append(spelled(moment))
    return found


@pytest.mark.parametrize(
    ("beat", "after", "wanted"),
    [
        (Beat("0 0 9 * * *"), "2026-11-26T09:00", ["2026-11-27T09:00:00Z", "2026-11-28T09:00:00Z"]),
        (Beat("*/20 * * * * ?"), "2026-11-26", ["2026-11-26T00:00:20Z", "2026-11-26T00:00:40Z"]),
        (Beat("30 0 12 ? * MON-FRI"), "2026-11-27T13:00", ["2026-11-30T12:00:30Z"]),
        (Beat("10m"), "2026-11-26T10:03", ["2026-11-26T10:10:00Z", "2026-11-26T10:20:00Z"]),
        (Beat("2 hours"), "2026-11-26T10:00", ["2026-11-26T12:00:00Z"]),
        (Beat("0 0 9 * * *", "Asia/Tokyo"), "2026-11-26", ["2026-11-27T00:00:00Z"]),
        # In the night of a change the hour from two to three is missing, or there twice.
        (
            Beat("0 30 2 * * *", "Europe/Zurich"),
            "2026-03-28T12:00",
            ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
        ),
        (
            Beat("0 30 2 * * *", "Europe/Zurich"),
            "2026-10-24T12:00",
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
        ),
    ],
)
def test_times(beat: Beat, after: str, wanted: list[str]):
    assert fault_in(beat) == ""
    assert times(beat, after, len(wanted)) == wanted


def test_of_several_rhythms_the_next_counts():
    beats = (Beat("0 0 9 * * *"), Beat("0 0 18 * * *"))
    assert spelled(following(beats, at("2026-11-26T10:00"))) == "2026-11-26T18:00:00Z"
    assert spelled(preceding(beats, at("2026-11-26T10:00"))) == "2026-11-26T09:00:00Z"


@pytest.mark.parametrize(
    ("beat", "word"),
    [
        (Beat(""), "empty"),
        (Beat("0 9 * * *"), "5 fields"),
        (Beat("0 0 25 * * *"), "bad hour"),
        (Beat("soon"), "neither"),
        (Beat("10ms"), "shorter than a second"),
        (Beat("0 0 0 30 2 *"), "day-of-month"),
        (Beat("0 0 9 * * *", "Mars/Olympus"), "Mars/Olympus"),
        (Beat("0 0 9 * * *", "../etc/passwd"), "time zone"),
    ],
)
def test_what_cannot_be_kept(beat: Beat, word: str):
    assert word in fault_in(beat)
