"""`break` and `continue`: where they may stand, and where the rest of the body goes instead."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

Jump = ast.Break | ast.Continue
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def jumps_in(block: Sequence[ast.stmt]) -> Iterator[Jump]:
    """Every `break` and `continue` of the loop around a block, not those of loops inside it."""
    for node in block:
        if isinstance(node, Jump):
            yield node
        elif isinstance(node, _LOOPS):
            yield from jumps_in(node.orelse)
        elif not isinstance(node, _FUNCTIONS):
            for inner in _blocks(node):
                yield from jumps_in(inner)


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield getattr(node, name, [])
    for name in ("handlers", "cases"):
        for each in getattr(node, name, []):
            yield each.body


def misplaced(body: Sequence[ast.stmt]) -> frozenset[Jump]:
    """The jumps of a loop's body that are not the end of an `if` which stands right in it."""
    placed = {*_placed(body)}
    return frozenset(each for each in jumps_in(body) if each not in placed)


def _placed(body: Sequence[ast.stmt]) -> Iterator[Jump]:
    for node in body:
        if isinstance(node, Jump):
            yield node
        elif isinstance(node, ast.If):
            yield from _endings(node)


def _endings(node: ast.If) -> Iterator[Jump]:
    for way in (node.body, node.orelse):
        if way and isinstance(way[-1], Jump):
            yield way[-1]
    match node.orelse:
        case [ast.If() as following]:  # an `elif`
            yield from _endings(following)
        case _:
            pass


def _is_elif(orelse: Sequence[ast.stmt]) -> bool:
    return len(orelse) == 1 and isinstance(orelse[0], ast.If)


def ends(block: Sequence[ast.stmt]) -> bool:
    """Whether Python never goes on behind a block."""
    for node in block:
        if isinstance(node, (ast.Break, ast.Continue, ast.Return, ast.Raise)):
            return True
        if isinstance(node, ast.If) and ends(node.body) and ends(node.orelse):
            return True
    return False


def leaves(body: Sequence[ast.stmt]) -> bool:
    """Whether a loop's body can leave the loop: by `break`, or by ending the workflow."""
    for node in body:
        if isinstance(node, (ast.Break, ast.Return, ast.Raise)):
            return True
        if isinstance(node, _FUNCTIONS):
            continue
        if isinstance(node, _LOOPS):
            if leaves(node.orelse) or _finishes(node.body):
                return True
        elif any(leaves(inner) for inner in _blocks(node)):
            return True
    return False


def _finishes(body: Sequence[ast.stmt]) -> bool:
    """Whether a loop inside can end the workflow, and so the loop around it too."""
    for node in body:
        if isinstance(node, (ast.Return, ast.Raise)):
            return True
        if not isinstance(node, _FUNCTIONS) and any(map(_finishes, _blocks(node))):
            return True
    return False


def with_rest(node: ast.If, rest: Sequence[ast.stmt]) -> ast.If | None:
    """An `if` that jumps, with what follows it moved into the way that goes on.

    None where two ways go on, so that the rest would stand there twice; only a `continue`, which
    costs no step, may.
    """
    if ends(node.body):
        if _is_elif(node.orelse) and _is_continue(rest):
            return _changed(node, node.body, [_everywhere(node.orelse[0], rest)])
        return _changed(node, node.body, [*node.orelse, *rest])
    if ends(node.orelse):
        return _changed(node, [*node.body, *rest], node.orelse)
    if _is_continue(rest):
        made = _everywhere(node, rest)
        assert isinstance(made, ast.If)
        return made
    return None


def _is_continue(rest: Sequence[ast.stmt]) -> bool:
    return len(rest) == 1 and isinstance(rest[0], ast.Continue)


def _everywhere(node: ast.stmt, rest: Sequence[ast.stmt]) -> ast.stmt:
    """An `if` with its `elif`s, each of whose ways goes on with the rest."""
    assert isinstance(node, ast.If)
    body = node.body if ends(node.body) else [*node.body, *rest]
    if _is_elif(node.orelse):
        return _changed(node, body, [_everywhere(node.orelse[0], rest)])
    return _changed(node, body, node.orelse if ends(node.orelse) else [*node.orelse, *rest])


def _changed(node: ast.If, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt]) -> ast.If:
    return ast.copy_location(ast.If(node.test, [*body], [*orelse]), node)
