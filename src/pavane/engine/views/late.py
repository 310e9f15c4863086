"""Why a report changed nothing, in a sentence."""

from __future__ import annotations

from pavane.core.model import status as st
from pavane.engine.views.records import Records


async def why_late(
    records: Records, execution_id: str, ref: str, attempt: int, worker: str
) -> str | None:
    """Why a worker's report of an attempt was not taken; None where there is no such task."""
    found = await records.newest(execution_id, ref)
    header, row = found or (None, None)
    if header is None or row is None or row.attempt < attempt:
        return None
    if row.attempt > attempt:
        return f"Attempt {attempt} is over: attempt {row.attempt} is {row.status}."
    if row.status in st.OPEN and worker and row.worker not in {"", worker}:
        return "The task was given to another worker meanwhile."
    if row.status in st.OPEN and header.status in st.ENDED:
        return f"The workflow has ended: it is {header.status}."
    return f"The task is {row.status}."
