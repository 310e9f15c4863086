"""What a service offers: a task's name, retries, timeouts and undo (Conductor: TaskDef)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from pavane.core.model.call import Call

RetryLogic = Literal["FIXED", "LINEAR_BACKOFF", "EXPONENTIAL_BACKOFF"]
TimeoutPolicy = Literal["RETRY", "TIME_OUT_WF", "ALERT_ONLY"]


class TaskDefinition(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Retry and timeout policy and the contract of a task. All durations are seconds; 0 = none.

    Defaults are Conductor's; `Service.task` writes Pavane's (three retries, exponential from
    0.2 s, capped at 10 s) explicitly.
    """

    name: str = ""
    description: str = ""
    retry_count: int = 3
    retry_logic: RetryLogic = "FIXED"
    retry_delay_seconds: float = 60
    backoff_scale_factor: float = 1  # linear only
    max_retry_delay_seconds: float = 0
    backoff_jitter_ms: int = 0
    timeout_seconds: float = 0  # of one attempt, from its start
    timeout_policy: TimeoutPolicy = "TIME_OUT_WF"
    total_timeout_seconds: float = 0  # across attempts, from the first scheduling
    response_timeout_seconds: float = 3600  # without a sign of life
    poll_timeout_seconds: float = 0  # nobody took it
    concurrent_exec_limit: int = 0
    rate_limit_per_frequency: int = 0
    rate_limit_frequency_in_seconds: float = 1
    input_keys: list[str] = []
    output_keys: list[str] = []
    input_template: dict[str, Any] = {}
    input_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    enforce_schema: bool = False
    owner_email: str = ""
    # ours
    service: str = ""
    undo: str = ""
    read_only: bool = False  # has no effect, so there is nothing to undo
    call: Call | None = None  # done by calling a service: whoever runs the engine does it
    concurrency_key: str = ""  # a path in the input: concurrentExecLimit counts for each value
    retriable: bool = False  # never fails for good: it is tried until it succeeds
