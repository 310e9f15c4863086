"""What an answer means: done, try again, or failed for good; and the output in it."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any, Final, cast
from urllib.parse import urlsplit

import msgspec

from pavane.core.model.call import SAFE_METHODS, Call
from pavane.ports.caller import CallAnswer, CallRequest
from pavane.sdk.calls.ending import FINAL, Ended

RETRY_AFTER_MAX_S: Final = 3600.0
DETAIL_MAX: Final = 300  # characters of what a service says about a failure

_RETRIED = frozenset({408, 425, 429})
_NOT_DONE = frozenset({501, 503, 505})  # of the 5xx, those by which a service does nothing
_TELLING = ("detail", "message", "error_description", "error", "title", "reason")


def output_of(call: Call, request: CallRequest, answer: CallAnswer) -> bytes:
    """The output of a call that is done; raises Ended for one that is not."""
    verdict = _verdict(call, answer.status)
    safe = call.method in SAFE_METHODS
    if verdict != "done":
        raise Ended(
            "FAILED" if verdict == "retry" else FINAL,
            failure(request, answer),
            after_s=retry_after_s(answer) if verdict == "retry" else 0,
            perhaps_done=not safe and perhaps_done(answer.status),
        )
    if call.result == "nothing":
        return b"{}"
    try:
        value = None if answer.status >= 300 else value_of(answer)
    except ValueError as error:
        reason = f"{_what(request)} answered {answer.status}, {error}"
        raise Ended(FINAL, reason, perhaps_done=not safe) from error
    if isinstance(value, dict) and call.result != "value":
        return msgspec.json.encode(value)
    if call.result == "object":
        got = "nothing" if value is None else type(cast("object", value)).__name__
        reason = f"{_what(request)} answered {answer.status} with {got} instead of an object"
        raise Ended(FINAL, reason, perhaps_done=not safe)
    return msgspec.json.encode({"result": value})


def _verdict(call: Call, status: int) -> str:
    if status in call.done_on:
        return "done"
    if status in call.retry_on:
        return "retry"
    if status in call.fail_on:
        return "fail"
    if 200 <= status < 300:
        return "done"
    return "retry" if status in _RETRIED or status >= 500 else "fail"


def perhaps_done(status: int) -> bool:
    """Whether a failure with this status leaves open whether the service did what was asked."""
    return status >= 500 and status not in _NOT_DONE


def value_of(answer: CallAnswer) -> Any:
    """The JSON (or text) of an answer, None where it is empty; ValueError in words."""
    if not answer.body:
        return None
    kind = answer.header("content-type").partition(";")[0].strip().lower()
    if answer.header("content-encoding") not in ("", "identity"):
        raise ValueError("and packed it, although it was not asked to")
    if kind.startswith("text/"):
        return answer.body.decode("utf-8", "replace")
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"but not in JSON ({error or 'it is nested too deeply'})") from error


def retry_after_s(answer: CallAnswer) -> float:
    """The seconds that an answer asks to wait, 0 when it does not; an hour at most."""
    text = answer.header("retry-after").strip()
    if text.isdecimal():
        seconds = float(text[:12])
    else:
        try:  # a time of day: by the clock of the service, which the answer shows
            at, now = parsedate_to_datetime(text), parsedate_to_datetime(answer.header("date"))
            seconds = (at - now).total_seconds()
        except (ValueError, TypeError):
            return 0.0
    return min(max(seconds, 0.0), RETRY_AFTER_MAX_S)


def failure(request: CallRequest, answer: CallAnswer) -> str:
    """An answer that is a failure, in words: what was asked, the status, what the service says."""
    told = f"{_what(request)} answered {answer.status} {answer.reason}".rstrip()
    if 300 <= answer.status < 400:
        return f"{told}: redirects are not followed"
    detail = _detail(answer)
    return f"{told}: {detail}" if detail else told


def _what(request: CallRequest) -> str:
    """The request without its query, which may hold what is nobody's business."""
    url = urlsplit(request.url)
    return f"{request.method} {url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"


def _detail(answer: CallAnswer) -> str:
    try:
        value = value_of(answer)
    except ValueError:
        value = ""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        found = [fields[name] for name in _TELLING if isinstance(fields.get(name), str)]
        value = found[0] if found else msgspec.json.encode(fields).decode()
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = " ".join(text[: 4 * DETAIL_MAX].split())
    text = "".join(character for character in text if character.isprintable())
    if text in {"null", ""}:
        return ""
    return text if len(text) <= DETAIL_MAX else text[:DETAIL_MAX] + "…"
