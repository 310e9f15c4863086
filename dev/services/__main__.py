"""`python -m dev.services up|down|urls [postgres kafka rabbitmq]`: the same as `make services`.

`up` and `urls` print lines that a shell can take: `eval "$(make services)"`.
"""

import argparse
import os
import sys

from dev.services.choosing import KINDS
from dev.services.given import VARIABLES, WrongUrl
from dev.services.scopes import SHARED, Running, Scope, sweep
from dev.services.server import Unavailable

_SHARED = Scope(SHARED)


def main(arguments: list[str] | None = None, *, scope: Scope = _SHARED) -> int:
    """Do one command; 0 if all servers that were asked for are there, 1 if one cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m dev.services", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "urls"])
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)}: all")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.kinds) - set(KINDS):
        parser.error(f"{', '.join(sorted(unknown))}: there are {', '.join(KINDS)}")
    if asked.command == "down":
        ended = sweep(scope.root) + scope.down()
        print(f"Stopped {ended} servers.", file=sys.stderr)
        return 0
    if asked.command == "urls":
        for known in scope.running():
            _tell(known)
        return 0
    return max([_up(scope, kind) for kind in asked.kinds or KINDS])


def _up(scope: Scope, kind: str) -> int:
    try:
        known = scope.ensure(kind, environment=os.environ)
    except (Unavailable, WrongUrl) as error:
        print(error, file=sys.stderr)
        return 1
    _tell(known)
    return 0


def _tell(known: Running) -> None:
    print(f"export {VARIABLES[known.kind]}={known.url}", flush=True)
    print(f"{known.kind}: {known.how}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
