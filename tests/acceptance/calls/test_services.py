"""A service with a url, orchestrated and danced: what it is asked, and what its answers mean."""

import msgspec
import pytest

from pavane import Call, Fail, Service, workflow
from pavane.core.model.workflow import Style
from pavane.errors import CallError, ExecutionFailedError
from tests.acceptance.calls.stock import Stock

pytestmark = pytest.mark.anyio
STYLES: tuple[Style, ...] = ("orchestrated", "choreographed")


class Reservation(msgspec.Struct):
    id: str
    total: int


def shop(plain: Stock, style: Style, **policy):
    """A workflow that reserves at the plain service, and then may fail."""
    inventory = Service("inventory", url=f"{plain.origin}/")
    shipping = Service("shipping")
    policy = {"retries": 3, "retry_delay": "10ms", "timeout": "5s"} | policy

    @inventory.task(call=Call("DELETE /orders/{order}/reservations", done_on=[404]))
    async def release(order: str) -> None: ...

    @inventory.task(call="POST /orders/{order}/reservations", undo=release, **policy)
    async def reserve(order: str, country: str, many: int) -> Reservation: ...

    @shipping.task(retries=0)
    async def ship(country: str, total: int) -> str:
        if country == "the Moon":
            raise Fail("no carrier")
        return f"{total} to {country}"

    @workflow(style=style)
    async def fulfil(order: str, country: str) -> str:
        reserved = await reserve(order, country, 2)
        return await ship(country, reserved.total)

    return fulfil


@pytest.mark.parametrize("style", STYLES)
async def test_it_is_asked_as_declared_and_its_answer_is_the_result(plain: Stock, style: Style):
    assert await shop(plain, style)(order="a/b é", country="France") == "40 to France"
    ((method, path, headers, body),) = plain.asked
    assert (method, path) == ("POST", "/orders/a/b é/reservations") or "%2F" in path
    assert msgspec.json.decode(body) == {"country": "France", "many": 2}
    assert headers["content-type"] == "application/json"
    assert headers["idempotency-key"].endswith(":reserve")
    assert headers["x-correlation-id"]
    version, trace, span, flags = headers["traceparent"].split("-")
    assert (version, len(trace), len(span), flags) == ("00", 32, 16, "01")


@pytest.mark.parametrize("style", STYLES)
async def test_it_is_tried_again_with_the_same_key_and_another_span(plain: Stock, style: Style):
    plain.script = [503, 429, 500]
    assert await shop(plain, style)(order="1", country="France") == "40 to France"
    assert len(plain.asked) == 4
    assert len(set(plain.headers("idempotency-key"))) == 1
    traces = [each.split("-") for each in plain.headers("traceparent")]
    assert len({trace for _, trace, _, _ in traces}) == 1
    assert len({span for _, _, span, _ in traces}) == 4
    assert len(plain.reserved) == 1


@pytest.mark.parametrize("style", STYLES)
async def test_what_it_did_is_undone_by_a_call(plain: Stock, style: Style):
    with pytest.raises(ExecutionFailedError) as failure:
        await shop(plain, style)(order="1", country="the Moon")
    assert failure.value.status == "COMPENSATED"
    assert [method for method, *_ in plain.asked] == ["POST", "DELETE"]
    assert plain.headers("idempotency-key")[1].endswith(":undo:reserve")
    assert plain.reserved == {}


@pytest.mark.parametrize("style", STYLES)
async def test_a_refusal_is_final_and_says_why(plain: Stock, style: Style):
    plain.script = [409]
    with pytest.raises(ExecutionFailedError) as failure:
        await shop(plain, style)(order="1", country="France")
    assert failure.value.status == "FAILED"  # nothing happened, so nothing is undone
    assert "answered 409 Conflict: harpsichord is sold out" in failure.value.reason
    assert len(plain.asked) == 1


@pytest.mark.parametrize("style", STYLES)
async def test_what_has_perhaps_happened_is_undone(plain: Stock, style: Style):
    """A 500 leaves open whether it was reserved: the undo is called; here it finds nothing."""
    plain.script = [500, 409]
    with pytest.raises(ExecutionFailedError) as failure:
        await shop(plain, style)(order="1", country="France")
    assert failure.value.status == "COMPENSATED"
    assert [method for method, *_ in plain.asked] == ["POST", "POST", "DELETE"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("how", ["slow", "drip"])
async def test_the_timeout_of_the_task_ends_the_call(plain: Stock, style: Style, how: str):
    plain.script = [how]
    run = shop(plain, style, timeout="300ms")
    assert await run(order="1", country="France") == "40 to France"
    assert len(plain.asked) == 2
    assert len(set(plain.headers("idempotency-key"))) == 1


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("huge", "larger than 5000000 bytes"),
        ("html", "instead of an object"),
        ("empty", "with nothing instead of an object"),
    ],
)
async def test_an_answer_that_is_no_result_is_final_and_undone(plain: Stock, how: str, reason: str):
    plain.script = [how]
    with pytest.raises(ExecutionFailedError) as failure:
        await shop(plain, "orchestrated")(order="1", country="France")
    assert reason in failure.value.reason
    assert failure.value.status == "COMPENSATED"  # it had said that it was done
    assert [method for method, *_ in plain.asked] == ["POST", "DELETE"]


async def test_a_redirect_is_not_followed(plain: Stock):
    plain.script = ["redirect"]
    with pytest.raises(ExecutionFailedError, match="307 Temporary Redirect: redirects are not"):
        await shop(plain, "orchestrated")(order="1", country="France")
    assert len(plain.asked) == 1


async def test_a_result_of_another_type_is_final(plain: Stock):
    inventory = Service("inventory", url=plain.origin)

    @inventory.task(call="GET /orders/{order}/reservations")
    async def look(order: str) -> dict[str, int]: ...

    @workflow
    async def looking(order: str) -> dict[str, int]:
        return await look(order)

    with pytest.raises(ExecutionFailedError, match="expected int, got str"):
        await looking(order="1")
    assert len(plain.asked) == 1


async def test_retry_after_is_kept_to(plain: Stock):
    import time

    plain.script = [(503, {"retry-after": "1"})]
    began = time.monotonic()
    assert await shop(plain, "orchestrated")(order="1", country="France") == "40 to France"
    assert time.monotonic() - began > 0.95


@pytest.mark.parametrize("style", STYLES)
async def test_loopback_is_refused_unless_allowed(
    plain: Stock, style: Style, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("PAVANE_ALLOW_CALLS_TO")
    with pytest.raises(ExecutionFailedError, match=r"127\.0\.0\.1 is a loopback address"):
        await shop(plain, style)(order="1", country="France")
    assert plain.asked == []


async def test_nobody_there_is_tried_again_and_then_a_failure():
    inventory = Service("inventory", url="http://inventory.invalid")

    @inventory.task(call="GET /orders/{order}", retries=1, retry_delay="10ms")
    async def look(order: str) -> dict[str, int]: ...

    @workflow
    async def looking(order: str) -> dict[str, int]:
        return await look(order)

    with pytest.raises(
        ExecutionFailedError, match=r"inventory\.invalid could not be reached"
    ) as no:
        await looking(order="1")
    assert no.value.status == "FAILED"


async def test_query_headers_secrets_and_body_are_as_declared(
    plain: Stock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PAVANE_SECRET_TOKEN", "s3cret")
    monkeypatch.setenv("PAVANE_SECRET_TOKEN_HOSTS", plain.origin)
    inventory = Service("inventory", url=plain.origin)

    @inventory.task(
        call=Call(
            "POST /search",
            headers={"Authorization": "Bearer {secret.token}", "X-Shop": "{shop}"},
            query=["tags", "limit"],
            body={"find": "{what}", "sort": ["{what.name}!", "{{asc}}"]},
            retry_on=[409],
        ),
        retry_delay="10ms",
    )
    async def search(
        shop: str, tags: list[str], limit: int | None, what: dict[str, str]
    ) -> dict[str, object]: ...

    plain.script = [409]
    with pytest.raises(CallError, match="answered 409"):
        await search("paris", ["a b", "ç"], None, {"name": "lute"})
    assert await search("paris", ["a b", "ç"], None, {"name": "lute"}) == {"id": "r-", "total": 40}
    _, path, headers, body = plain.asked[-1]
    assert path == "/search?tags=a+b&tags=%C3%A7"
    assert (headers["authorization"], headers["x-shop"]) == ("Bearer s3cret", "paris")
    assert msgspec.json.decode(body) == {
        "find": {"name": "lute"},
        "sort": ["lute!", "{asc}"],
    }
    assert "s3cret" not in msgspec.json.encode(search.definition).decode()
    monkeypatch.delenv("PAVANE_SECRET_TOKEN")
    with pytest.raises(Fail, match="PAVANE_SECRET_TOKEN"):
        await search("paris", [], None, {"name": "lute"})
