"""Workflows of any length, written and compiled as a user's would be."""

from __future__ import annotations

import linecache
from typing import Any

from pavane.sdk.service import Service
from pavane.sdk.workflow import WorkflowFunction

_HEAD = """
from pavane.sdk.service import Service
from pavane.sdk.workflow import gather, workflow
"""
_TASK = """
s{n} = Service("s{n}")

@s{n}.task
async def u{n}(x: str) -> None: ...

@s{n}.task({options})
async def t{n}(x: str) -> str:
    return x
"""

Written = tuple[WorkflowFunction[..., Any], list[Service]]


def chain(length: int, *, read_only: bool) -> Written:
    """One step after the other, each in a service of its own, each reading what came before."""
    steps = ["    v0 = await t0(x)"]
    steps += [f"    v{n} = await t{n}(v{n - 1})" for n in range(1, length)]
    body = "\n".join(["@workflow", "async def chain(x: str) -> str:", *steps])
    return _compiled(length, read_only, f"{body}\n    return v{length - 1}\n", "chain")


def forked() -> Written:
    """One step, two branches of which one has two steps, and a last step."""
    body = """
@workflow
async def forked(x: str) -> str:
    async def longer() -> str:
        v1 = await t1(v0)
        return await t2(v1)

    v0 = await t0(x)
    a, b = await gather(longer(), t3(v0))
    return await t4(a)
"""
    return _compiled(5, True, body, "forked")


def _compiled(count: int, read_only: bool, body: str, name: str) -> Written:
    def options(n: int) -> str:
        return "read_only=True" if read_only else f"undo=u{n}"

    tasks = [_TASK.format(n=n, options=options(n)) for n in range(count)]
    text = "".join([_HEAD, *tasks, "\n", body])
    file = f"<{name} of {count}, read only: {read_only}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    scope: dict[str, Any] = {"__name__": file}
    exec(compile(text, file, "exec"), scope)
    return scope[name], [scope[f"s{n}"] for n in range(count)]
