"""The promises of a caller, one test or more each, named for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import ClassVar

import pytest

from pavane.errors import CallError
from pavane.ports.caller import CallAnswer, Caller, CallRequest

Serve = Callable[[CallRequest], Awaitable[CallAnswer]]
"""What the service under the suite does with what it gets; a ConnectionError breaks it off."""

_FINE = CallAnswer(status=200, reason="OK", body=b"{}")


class CallerContract:
    """Every promise of a caller. Override `serving`."""

    many: ClassVar[int] = 50
    pytestmark: ClassVar[list[pytest.MarkDecorator]] = [pytest.mark.anyio]

    def serving(self, serve: Serve) -> AbstractAsyncContextManager[tuple[Caller, str]]:
        """A caller and the origin (`http://host:port`) of a service that it may call.

        The service's `CallRequest` has the path with the query as its `url`.
        """
        raise NotImplementedError

    # --- faithful -------------------------------------------------------------------------------

    async def test_faithful_the_request_arrives(self) -> None:
        seen: list[CallRequest] = []

        async def serve(request: CallRequest) -> CallAnswer:
            seen.append(request)
            return _FINE

        async with self.serving(serve) as (caller, origin):
            await caller.call(
                CallRequest(
                    method="PATCH",
                    url=f"{origin}/a%2Fb/c?x=1&y=%C3%A9&x=2",
                    headers=(("x-one", "1"), ("x-two", "zwei"), ("content-type", "text/plain")),
                    body=b"\x00caf\xc3\xa9",
                )
            )
            await caller.call(CallRequest(method="DELETE", url=f"{origin}/"))
        patch, delete = seen
        assert patch.method == "PATCH"
        assert patch.url.removeprefix(origin) == "/a%2Fb/c?x=1&y=%C3%A9&x=2"
        assert {("x-one", "1"), ("x-two", "zwei"), ("content-type", "text/plain")} <= {
            *patch.headers
        }
        assert patch.body == b"\x00caf\xc3\xa9"
        assert (delete.method, delete.url.removeprefix(origin)) == ("DELETE", "/")
        assert not delete.body
        needed = {"host", "accept-encoding", "content-length", "connection"}
        assert {name for name, _ in delete.headers} <= needed

    @pytest.mark.parametrize("status", [200, 201, 204, 404, 429, 503])
    async def test_faithful_the_answer_comes_back(self, status: int) -> None:
        body = b"" if status == 204 else b'{"a":"\xc3\xa9"}'
        headers = (("x-a", "1"), ("x-a", "2"), ("retry-after", "7"))

        async def serve(_request: CallRequest) -> CallAnswer:
            return CallAnswer(status=status, reason="Indeed", headers=headers, body=body)

        async with self.serving(serve) as (caller, origin):
            answer = await caller.call(CallRequest(method="GET", url=origin))
        assert (answer.status, answer.reason, answer.body) == (status, "Indeed", body)
        assert [value for name, value in answer.headers if name == "x-a"] == ["1", "2"]
        assert answer.header("retry-after") == "7"

    # --- plain ----------------------------------------------------------------------------------

    async def test_plain_a_redirect_is_not_followed(self) -> None:
        asked: list[str] = []

        async def serve(request: CallRequest) -> CallAnswer:
            asked.append(request.url)
            return CallAnswer(status=307, headers=(("location", "/elsewhere"),))

        async with self.serving(serve) as (caller, origin):
            answer = await caller.call(CallRequest(method="GET", url=f"{origin}/here"))
        assert answer.status == 307
        assert len(asked) == 1

    # --- bounded --------------------------------------------------------------------------------

    async def test_bounded_in_time(self) -> None:
        async def serve(_request: CallRequest) -> CallAnswer:
            await asyncio.sleep(20)
            return _FINE

        async with self.serving(serve) as (caller, origin):
            began = asyncio.get_running_loop().time()
            with pytest.raises(CallError) as failure:
                await caller.call(CallRequest(method="GET", url=origin, timeout_s=1.0))
            assert asyncio.get_running_loop().time() - began < 5
        assert failure.value.perhaps_done
        assert not failure.value.final

    async def test_bounded_in_size(self) -> None:
        async def serve(_request: CallRequest) -> CallAnswer:
            return CallAnswer(status=200, body=b"x" * 1001)

        async with self.serving(serve) as (caller, origin):
            whole = CallRequest(method="GET", url=origin, body_max=1001)
            assert len((await caller.call(whole)).body) == 1001
            with pytest.raises(CallError) as failure:
                await caller.call(CallRequest(method="GET", url=origin, body_max=1000))
        assert failure.value.final
        assert failure.value.perhaps_done

    # --- honest ---------------------------------------------------------------------------------

    async def test_honest_about_a_connection_that_broke(self) -> None:
        async def serve(_request: CallRequest) -> CallAnswer:
            raise ConnectionResetError

        async with self.serving(serve) as (caller, origin):
            with pytest.raises(CallError) as failure:
                await caller.call(CallRequest(method="POST", url=origin, body=b"{}"))
        assert failure.value.perhaps_done
        assert not failure.value.final

    async def test_honest_about_a_service_that_is_not_there(self) -> None:
        async def serve(_request: CallRequest) -> CallAnswer:
            return _FINE

        async with self.serving(serve) as (caller, origin):
            port = "9" if ":" in origin.removeprefix("http://") else "nobody"
            nobody = f"{origin.rpartition(':')[0]}:{port}" if port == "9" else "http://nobody"
            with pytest.raises(CallError) as failure:
                await caller.call(CallRequest(method="GET", url=nobody))
        assert not failure.value.perhaps_done
        assert not failure.value.final

    @pytest.mark.parametrize("url", ["ftp://inventory/x", "inventory/x", "http:///x", ""])
    async def test_honest_about_what_is_no_url(self, url: str) -> None:
        async def serve(_request: CallRequest) -> CallAnswer:
            return _FINE

        async with self.serving(serve) as (caller, _origin):
            with pytest.raises(CallError) as failure:
                await caller.call(CallRequest(method="GET", url=url))
        assert failure.value.final
        assert not failure.value.perhaps_done

    # --- alone ----------------------------------------------------------------------------------

    async def test_alone_calls_do_not_wait_for_one_another(self) -> None:
        present, all_there = 0, asyncio.Event()

        async def serve(_request: CallRequest) -> CallAnswer:
            nonlocal present
            present += 1
            if present == self.many:
                all_there.set()
            await all_there.wait()
            return _FINE

        async with self.serving(serve) as (caller, origin):
            request = CallRequest(method="GET", url=origin, timeout_s=10)
            answers = await asyncio.gather(*(caller.call(request) for _ in range(self.many)))
        assert {answer.status for answer in answers} == {200}

    async def test_alone_a_cancelled_call_holds_nothing_up(self) -> None:
        forever = asyncio.Event()

        async def serve(request: CallRequest) -> CallAnswer:
            if request.url.endswith("/stuck"):
                await forever.wait()
            return _FINE

        async with self.serving(serve) as (caller, origin):
            for _ in range(5):
                stuck = CallRequest(method="GET", url=f"{origin}/stuck")
                going = asyncio.ensure_future(caller.call(stuck))
                await asyncio.sleep(0.01)
                going.cancel()
                await asyncio.wait({going}, timeout=5)
                assert going.cancelled()
            assert (await caller.call(CallRequest(method="GET", url=origin))).status == 200
            await caller.close()
            await caller.close()
