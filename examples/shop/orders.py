"""Varied orders for the shop, the same for the same seed: `python orders.py [COUNT] [SEED]`."""

import json
import random
import sys
from dataclasses import asdict

from shop import CARRIERS, DECLINED_CARD, PRICES, SLOW_BANK, SOLD_OUT, STORMY, Order

# What is special about an order, and how many in a hundred are so; the rest just works.
KINDS = {
    "card declined": 6,
    "sold out": 4,
    "carrier fails twice": 8,
    "no carrier goes there": 3,
    "no carrier, and the refund fails once": 3,
}
CUSTOMERS = (
    "Attaingnant",
    "Arbeau",
    "Byrd",
    "Caroso",
    "Dowland",
    "Gervaise",
    "Praetorius",
    "Susato",
)
IN_STOCK = sorted(PRICES.keys() - SOLD_OUT)
CALM = sorted(country for country, carrier in CARRIERS.items() if carrier not in STORMY)
FAR = ("Antarctica", "Bouvet Island", "the Moon")


def orders(count: int = 200, seed: int = 1) -> list[Order]:
    """That many orders, with at least one of each kind from twenty orders on."""
    chance = random.Random(seed)
    at_least = 1 if count >= 20 else 0
    kinds = [
        kind
        for kind, in_a_hundred in KINDS.items()
        for _ in range(max(at_least, count * in_a_hundred // 100))
    ]
    kinds += [""] * (count - len(kinds))
    chance.shuffle(kinds)
    return [_order(number, kind, chance) for number, kind in enumerate(kinds, start=1)]


def _order(number: int, kind: str, chance: random.Random) -> Order:
    item, country = chance.choice(IN_STOCK), chance.choice(CALM)
    card = f"4111-{chance.randrange(10**4):04}-{chance.randrange(10**4):04}-1111"
    match kind:
        case "card declined":
            card = DECLINED_CARD
        case "sold out":
            item = chance.choice(sorted(SOLD_OUT))
        case "carrier fails twice":
            country = "NO"
        case "no carrier goes there":
            country = chance.choice(FAR)
        case "no carrier, and the refund fails once":
            country, card = chance.choice(FAR), SLOW_BANK + card[4:]
        case _:
            pass
    return Order(
        id=f"{number:04}",
        customer=chance.choice(CUSTOMERS),
        item=item,
        quantity=chance.randint(1, 5),
        card=card,
        country=country,
    )


if __name__ == "__main__":
    for each in orders(*map(int, sys.argv[1:3])):
        print(json.dumps(asdict(each)))
