"""Reads the OpenAPI documents that a server serves, sends what they allow and what they forbid.

Every answer has to be declared: its status, its content type, its shape. Nothing but a stopping
server or a full disk may answer 5xx, and neither is here.
"""

import os
import random
from collections import Counter
from typing import Any, cast

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from tests.conftest import STRICT

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
CASES = int(os.environ.get("PAVANE_CASES", "5"))  # for each operation
SEED = int(os.environ.get("PAVANE_SEED") or (4 if STRICT else random.randrange(2**32)))
_MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
_TIMEOUT_S = 30
_SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def judge(url: str, path: str, known: dict[str, list[str]]) -> Counter[str]:
    """How often each operation answered 2xx. `known`: what exists, by path parameter."""
    print(f"PAVANE_SEED={SEED} PAVANE_CASES={CASES} repeats this")
    schema = schemathesis.openapi.from_url(url + path)
    good: Counter[str] = Counter()
    faults: list[str] = []
    for result in schema.get_all_operations():
        operation = cast("Any", result).ok()
        if operation.path.endswith("/events") and operation.method == "get":
            continue  # a stream, which does not end by itself
        try:
            _judge(operation, url, known, good)
        except Exception as error:  # noqa: BLE001  # each operation is judged, then all are told
            faults.append(f"{operation.label}\n{error}")
    said = "\n\n".join(faults)
    assert not faults, f"PAVANE_SEED={SEED}: {len(faults)} operations\n\n{said}"
    return good


def _judge(operation: Any, url: str, known: dict[str, list[str]], good: Counter[str]) -> None:
    made = st.one_of([operation.as_strategy(generation_mode=mode) for mode in _MODES])

    @seed(SEED)
    @settings(
        max_examples=CASES,
        database=None,
        deadline=None,
        suppress_health_check=_SLOW,
        phases=[Phase.generate],
    )
    @given(case=made, data=st.data())
    def judged(case: Any, data: st.DataObject) -> None:
        for name in case.path_parameters or {}:
            if name in known and data.draw(st.booleans(), label=f"a known {name}"):
                case.path_parameters[name] = data.draw(st.sampled_from(known[name]))
        response = case.call(base_url=url, timeout=_TIMEOUT_S)
        good[operation.label] += response.status_code < 300
        case.validate_response(response, checks=CHECKS)

    judged()
