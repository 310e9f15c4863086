"""Bodies: the limits, and the place of what is wrong."""

import random

import msgspec
import pytest

from pavane.doors.rest.body import MAX_DEPTH, check_depth, decode
from pavane.doors.rest.native.executions import StartRequest, json_object
from pavane.doors.rest.problems import MalformedError, status_code
from pavane.errors import InputError, PastPivotError, StoreBusyError, TooLargeError


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def test_depth_is_limited():
    check_depth(nested(MAX_DEPTH))
    check_depth(b"[" + b",".join([b"[[]]"] * 1000) + b"]")
    check_depth(b'{"text":"' + b"[" * 1000 + b'\\"[[[["}')
    with pytest.raises(MalformedError, match="deeper than"):
        check_depth(nested(MAX_DEPTH + 1))
    with pytest.raises(MalformedError, match="deeper than"):
        check_depth(nested(400_000))


def test_depth_agrees_with_a_plain_count():
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    chance = random.Random(seed)

    def value(depth: int) -> object:
        kind = chance.randrange(4) if depth else 3
        if kind == 0:
            return [value(depth - 1) for _ in range(chance.randrange(4))]
        if kind == 1:
            return {chance.choice('a"{[]\\'): value(depth - 1) for _ in range(3)}
        return chance.choice(["[[", '"', "\\", '\\"{', 1, None])

    def deep(of: object) -> int:
        inner = of.values() if isinstance(of, dict) else of if isinstance(of, list) else None
        return 0 if inner is None else 1 + max(map(deep, inner), default=0)

    for _ in range(300):
        sample = value(6)
        body = msgspec.json.encode(sample)
        check_depth(body, deep(sample))
        if deep(sample):
            with pytest.raises(MalformedError):
                check_depth(body, deep(sample) - 1)


@pytest.mark.parametrize(
    ("body", "kind", "place"),
    [
        (b'{"input":', MalformedError, "truncated"),
        (b'{"input": {]}', MalformedError, "byte 11"),
        (b'{"version": "two"}', InputError, r"\$\.version"),
        (b'{"kee": ""}', InputError, "kee"),
        (b'{"key": "\xff"}', MalformedError, "UTF-8"),
        (b"[1, 2]", InputError, "Expected `object`"),
        (b'{"priority": 1000}', InputError, r"\$\.priority"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(body: bytes, kind: type[Exception], place: str):
    with pytest.raises(kind, match=place):
        decode(body, StartRequest)


@pytest.mark.parametrize("raw", [b"[1]", b"null", b'"text"', b"7"])
def test_a_payload_is_an_object(raw: bytes):
    with pytest.raises(InputError, match=r"\$\.input"):
        json_object(msgspec.Raw(raw), "$.input")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (MalformedError(""), 400),
        (InputError(""), 422),
        (TooLargeError(""), 413),
        (PastPivotError(""), 409),
        (StoreBusyError(""), 503),
    ],
)
def test_an_error_has_the_status_of_its_nearest_ancestor(error: InputError, status: int):
    assert status_code(error) == status
