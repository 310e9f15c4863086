"""What must hold when all is over, in every style. Shares no code with the product's decisions."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol

from tests.acceptance.campaign import shop, travel
from tests.acceptance.campaign.shop import Order
from tests.acceptance.campaign.travel import Trip
from tests.acceptance.campaign.world import Attempt, Effect

KINDS = shop.KINDS | travel.KINDS
WHOLE = {"fulfil": {"stock", "money", "parcel", "invoice"}, "journey": {"flight", "room", "car"}}
RANK = {"stock": 0, "money": 1, "parcel": 2, "invoice": 2, "flight": 0, "room": 1, "car": 1}


class Execution(Protocol):
    """What became of an order: a header of a store, or a line in a list."""

    @property
    def workflow(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str: ...


def ended(
    found: Sequence[Execution], orders: Iterable[Order | Trip], attempts: Iterable[Attempt]
) -> None:
    """Each order was started once, and ended as its kind must.

    A first step that was called twice was perhaps done, as far as anybody knew: then it is undone
    although it failed in the end, and the order has ended COMPENSATED instead of FAILED.
    """
    statuses = {each.key: each.status for each in found}
    assert len(found) == len(statuses), "an order was started twice"
    wanted = {order.id: KINDS[order.kind][1] for order in orders}
    undone = {call.order for call in attempts if call.undo}
    for order, status in wanted.items():
        if status == "FAILED" and order in undone and statuses.get(order) == "COMPENSATED":
            statuses[order] = "FAILED"
    wrong = [
        f"{each.key} is {each.status} ({each.reason}), was to be {wanted.get(each.key)}"
        for each in found
        if statuses[each.key] != wanted.get(each.key)
    ]
    assert statuses == wanted, "\n".join(wrong)


def effects_fit(found: Sequence[Execution], effects: Sequence[Effect]) -> None:
    """What stands is what the outcome says: everything once, or nothing; undone in order."""
    by_order: dict[str, list[Effect]] = {}
    for effect in effects:
        by_order.setdefault(effect.order, []).append(effect)
    for each in found:
        of_it = by_order.pop(each.key, [])
        counted = Counter((effect.kind, effect.sign) for effect in of_it)
        assert all(count == 1 for count in counted.values()), f"doubled: {each.key} {of_it}"
        done = {effect.kind for effect in of_it if effect.sign > 0}
        undone = {effect.kind for effect in of_it if effect.sign < 0}
        if each.status == "COMPLETED":
            assert (done, undone) == (WHOLE[each.workflow], set()), f"{each.key}: {of_it}"
        else:
            assert done == undone, f"something stands: {each.key} {each.status} {of_it}"
        _in_order(of_it)
    assert not by_order, f"effects of orders that nobody knows: {by_order}"


def _in_order(found: Sequence[Effect]) -> None:
    """Stock, money, then parcel and invoice; and back in the reverse order."""
    there = [RANK[effect.kind] for effect in found if effect.sign > 0]
    back = [RANK[effect.kind] for effect in found if effect.sign < 0]
    assert there == sorted(there), found
    assert back == sorted(back, reverse=True), found
