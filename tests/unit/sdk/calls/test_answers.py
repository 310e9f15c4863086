"""What each status means, how long to wait, and what the reason says."""

import msgspec
import pytest

from pavane.core.model.call import Call
from pavane.ports.caller import CallAnswer, CallRequest
from pavane.sdk.calls.answers import output_of, retry_after_s
from pavane.sdk.calls.ending import FINAL, Ended

ASKED = CallRequest(method="POST", url="https://shop.example/a?token=hidden")


def ended(status: int, body: bytes = b"", call: Call | None = None, **headers: str) -> Ended:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    answer = CallAnswer(status=status, reason="Because", headers=pairs, body=body)
    with pytest.raises(Ended) as end:
        output_of(call or Call(method="POST"), ASKED, answer)
    return end.value


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 507, 599])
def test_these_are_tried_again(status: int):
    assert ended(status).status == "FAILED"


@pytest.mark.parametrize(
    "status", [300, 301, 304, 307, 400, 401, 402, 403, 404, 409, 410, 422, 451]
)
def test_these_are_final(status: int):
    assert ended(status).status == FINAL


@pytest.mark.parametrize("status", [400, 408, 409, 425, 429, 501, 503])
def test_after_these_nothing_has_happened(status: int):
    assert not ended(status).perhaps_done


@pytest.mark.parametrize("status", [500, 502, 504])
def test_after_these_nobody_knows_unless_the_method_is_safe(status: int):
    assert ended(status).perhaps_done
    assert not ended(status, call=Call(method="GET")).perhaps_done


def test_a_declaration_may_say_otherwise():
    call = Call(method="POST", done_on=[404], retry_on=[409], fail_on=[503, 202])
    assert ended(409, call=call).status == "FAILED"
    assert ended(503, call=call).status == FINAL
    assert ended(202, call=call).status == FINAL
    assert output_of(call, ASKED, CallAnswer(status=404, body=b"{}")) == b'{"result":null}'


@pytest.mark.parametrize(
    ("result", "body", "output"),
    [
        ("object", b'{"a":1}', b'{"a":1}'),
        ("value", b'{"a":1}', b'{"result":{"a":1}}'),
        ("value", b"", b'{"result":null}'),
        ("value", b"7", b'{"result":7}'),
        ("", b'{"a":1}', b'{"a":1}'),
        ("", b"[1]", b'{"result":[1]}'),
        ("", b"", b'{"result":null}'),
        ("nothing", b"<rubbish", b"{}"),
    ],
)
def test_the_output(result, body: bytes, output: bytes):
    assert output_of(Call(result=result), ASKED, CallAnswer(status=200, body=body)) == output


def test_text_is_a_value():
    answer = CallAnswer(status=200, headers=(("content-type", "text/plain"),), body="é".encode())
    assert msgspec.json.decode(output_of(Call(), ASKED, answer)) == {"result": "é"}


@pytest.mark.parametrize("body", [b"[1]", b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object_is_final_and_perhaps_done(body: bytes):
    end = ended(200, body, Call(method="POST", result="object"))
    assert end.status == FINAL
    assert end.perhaps_done


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("-5", 0),
        ("99999999999999999999", 3600),
        ("rubbish", 0),
        ("", 0),
        ("Fri, 01 Jan 2027 00:00:30 GMT", 30),
        ("Thu, 31 Dec 2026 00:00:00 GMT", 0),
    ],
)
def test_retry_after(text: str, seconds: float):
    date = "Fri, 01 Jan 2027 00:00:00 GMT"
    answer = CallAnswer(status=503, headers=(("retry-after", text), ("date", date)))
    assert retry_after_s(answer) == seconds
    assert ended(503, retry_after=text, date=date).after_s == seconds
    assert ended(404, retry_after=text, date=date).after_s == 0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"title":"t","detail":"sold out"}', ": sold out"),
        (b'{"code":7}', ': {"code":7}'),
        (b"plain \x07words\n here", ": plain words here"),
        (b"", ""),
        (b'"' + b"x" * 5000 + b'"', ": " + "x" * 300 + "…"),
    ],
)
def test_the_reason_is_bounded_and_keeps_the_query_to_itself(body: bytes, said: str):
    kind = "application/json" if body[:1] in (b"{", b'"') else "text/plain"
    reason = ended(409, body, content_type=kind).reason
    assert reason == f"POST https://shop.example/a answered 409 Because{said}"
