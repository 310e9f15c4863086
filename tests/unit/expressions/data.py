"""The roots that the tests of expressions read."""

from __future__ import annotations

from typing import Any

ORDER: dict[str, Any] = {
    "id": "o-7",
    "total": "12.50",
    "qty": 3,
    "paid": False,
    "note": None,
    "placed": "2024-05-31",
    "unit price": 4.5,
    "a-b": "dashed",
    "items": [
        {"name": "bow", "price": 8, "kind": "wood"},
        {"name": "arrow", "price": 12.5, "kind": "wood", "tags": ["sharp", "long"]},
        {"name": "quiver", "price": 30, "kind": "leather", "sizes": {"s": 1, "m": 2}},
    ],
}
DATA: dict[str, Any] = {
    "workflow": {
        "input": {"order": ORDER, "key": "total", "limit": 10, "numbers": [4, 8, 15, 16, 23, 42]},
        "workflowId": "w-1",
    },
    "reserve": {"output": {"total": 99, "key": "order"}, "status": "COMPLETED"},
    "hold-stock": {"output": {"ok": True}},
}


class Roots:
    """A lookup over plain data; remembers which roots were asked for."""

    def __init__(self, data: dict[str, Any] | None = None) -> None:
        self.data = DATA if data is None else data
        self.asked: list[str] = []

    def root(self, name: str) -> object:
        self.asked.append(name)
        return self.data[name]
