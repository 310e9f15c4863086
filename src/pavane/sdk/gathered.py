"""Whether a call was written with a star: `gather(*(…))` gives a list, `gather(a, b)` a tuple.

Both arrive as the same arguments, but type checkers and the language tell them apart, so a workflow
that runs as plain Python must as well. The instruction at which the caller stands says it.
"""

from __future__ import annotations

import dis
from types import FrameType

MOST_IN_A_TUPLE = 6
"""How many calls have a type each; of more, all results have one."""

_WITH_A_STAR = dis.opmap["CALL_FUNCTION_EX"]


def has_a_star(here: FrameType | None) -> bool:
    """Whether the call that led to a frame handed on a sequence of arguments."""
    caller = None if here is None else here.f_back
    if caller is None:
        return False
    code = caller.f_code.co_code  # without what the interpreter makes of it for speed
    at = caller.f_lasti
    return 0 <= at < len(code) and code[at] == _WITH_A_STAR
