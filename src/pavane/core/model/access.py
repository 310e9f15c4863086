"""Who may do what: the roles that a key can have, and what each of them includes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, get_args

Role = Literal["read", "work", "operate", "define", "administer"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)

INCLUDED: Final[dict[Role, frozenset[Role]]] = {
    "read": frozenset({"read"}),
    "work": frozenset({"work"}),
    "operate": frozenset({"operate", "read"}),
    "define": frozenset({"define", "read"}),
    "administer": frozenset(ROLES),
}
"""Who acts must see what there is. Who works sees its own tasks and nothing else: such keys lie on
many machines. Who administers could give itself any role, so it has them all."""


def reach(roles: Iterable[Role]) -> frozenset[Role]:
    """The roles with everything that they include."""
    return frozenset[Role]().union(*(INCLUDED[role] for role in roles))
