"""What Python has and expressions do not, each with what to write instead."""

from __future__ import annotations

REFUSED_NODES: dict[str, tuple[str, str]] = {
    "Lambda": ("`lambda`", "Write a comprehension: [x.price for x in items]."),
    "NamedExpr": ("`:=`", "Write the value where it is used."),
    "Await": ("`await`", "Await the step on its own line and read its output here."),
    "Yield": ("`yield`", "Write a list or a comprehension."),
    "YieldFrom": ("`yield`", "Write a list or a comprehension."),
    "Starred": ("`*` here", "Write the elements one by one, or join lists with `+`."),
    "Set": ("a set", "Write a list: its order is the same every time."),
    "SetComp": ("a set", "Write a list: its order is the same every time."),
    "Slice": ("a slice here", "Write it in brackets after a list or a text."),
}

REFUSED_OPERATORS: dict[str, tuple[str, str]] = {
    "MatMult": ("@", "Write out the calculation, or make it a task."),
    "LShift": ("<<", "Write `*` with a power of two."),
    "RShift": (">>", "Write `//` with a power of two."),
    "BitOr": ("|", "Write `or` for conditions, {**a, **b} for maps."),
    "BitAnd": ("&", "Write `and`."),
    "BitXor": ("^", "Write `!=`, or `**` for a power."),
}
