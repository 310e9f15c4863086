"""What every caller must keep: `CallerContract`, a pytest suite over the promises in the port.

Subclass it and say how to reach a service::

    class TestMyCaller(CallerContract):
        @asynccontextmanager
        async def serving(self, serve: Serve) -> AsyncGenerator[tuple[Caller, str]]:
            async with plain_service(serve) as origin:
                yield MyCaller(), origin
"""

from pavane.testing.contracts.caller.calling import CallerContract

__all__ = ["CallerContract"]
