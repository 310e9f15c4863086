"""The times of a schedule: which comes next, and which was the last. Pure; milliseconds of 1970."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from pavane.core.model.durations import parse_duration
from pavane.core.model.schedule import Beat, Schedule
from pavane.errors import DefinitionError

_FIELDS: Final = 6
_PERIOD_MIN_S: Final = 1


def fault_in(beat: Beat) -> str:
    """What is wrong with a rhythm, in a few words; "" where nothing is."""
    if not beat.every.strip():
        return "is empty"
    if _is_cron(beat.every):
        fields = len(beat.every.split())
        if fields != _FIELDS:
            return f"has {fields} fields; write six, seconds first, as in '0 0 9 * * *'"
    else:
        try:
            period_s = parse_duration(beat.every)
        except DefinitionError:
            return "is neither a cron expression nor a duration such as '10m'"
        if period_s < _PERIOD_MIN_S:
            return "is shorter than a second"
    try:
        zone = _zone(beat.zone)
    except (KeyError, ValueError, OSError):
        return f"is meant in the time zone {beat.zone!r}, which is not known here"
    if _is_cron(beat.every):
        try:
            next(CronSim(_expression(beat.every), datetime(2026, 1, 1, tzinfo=zone)))
        except CronSimError as error:
            return f"is no cron expression: {str(error).lower()}"
        except StopIteration:
            return "never comes"
    return ""


def following(beats: tuple[Beat, ...], after: int) -> int:
    """The first time later than `after`; 0 when none comes."""
    return min((at for beat in beats if (at := _next(beat, after))), default=0)


def preceding(beats: tuple[Beat, ...], before: int) -> int:
    """The last time at or earlier than `before`."""
    return max(_previous(beat, before) for beat in beats)


def next_of(schedule: Schedule, after: int) -> int:
    """The next time of a schedule later than `after`, within its bounds; 0 when there is none."""
    at = following(schedule.beats, max(after, schedule.begins_at - 1))
    return 0 if schedule.ends_at and at > schedule.ends_at else at


def spelled(at: int) -> str:
    """A time as RFC 3339 in UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat().replace("+00:00", "Z")


def _is_cron(every: str) -> bool:
    return len(every.split()) > 2  # "1 hour" has two words, and "2 h" too


def _expression(every: str) -> str:
    """As CronSim wants it: `?` is any day; without seconds it treats a changing clock as cron."""
    seconds, *others = every.replace("?", "*").split()
    return " ".join(others if seconds == "0" else [seconds, *others])


@lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)


def _next(beat: Beat, after: int) -> int:
    if not _is_cron(beat.every):
        period = _period_ms(beat)
        return (after // period + 1) * period
    start = datetime.fromtimestamp(after // 1000, UTC).astimezone(_zone(beat.zone))
    try:
        return _millis(next(CronSim(_expression(beat.every), start)))
    except StopIteration:
        return 0


def _previous(beat: Beat, before: int) -> int:
    if not _is_cron(beat.every):
        period = _period_ms(beat)
        return before // period * period
    start = datetime.fromtimestamp(before // 1000 + 1, UTC).astimezone(_zone(beat.zone))
    try:
        return _millis(next(CronSim(_expression(beat.every), start, reverse=True)))
    except StopIteration:
        return 0


def _period_ms(beat: Beat) -> int:
    return round(parse_duration(beat.every) * 1000)


def _millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
