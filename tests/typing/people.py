"""What a type checker knows of people's answers. Checked by pyright, never run.

An unused `pyright: ignore` is an error in this project: each one below proves a refusal.
"""

# pyright: strict

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, assert_type

from pavane import person, workflow


@dataclass
class Approval:
    approved: bool
    by: str


@workflow
async def asks(total: int) -> str:
    loose = await person("approve", to="finance", total=total)
    assert_type(loose, dict[str, Any])
    maybe = await person("approve", deadline="2d")
    assert_type(maybe, dict[str, Any] | None)
    typed = await person("approve", to=["anna", "bert"], result=Approval)
    assert_type(typed, Approval)
    in_time = await person("approve", result=Approval, deadline=timedelta(days=2), total=total)
    assert_type(in_time, Approval | None)
    await person()  # pyright: ignore[reportCallIssue]  # no name
    await person("approve", to=3)  # pyright: ignore[reportArgumentType]  # a number is no name
    print(in_time.by)  # pyright: ignore[reportOptionalMemberAccess]  # nobody may have answered
    return typed.by
