"""How many examples or codes to process at once within a given memory, whatever their size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import equinox as eqx
import jax

ROWS_MEMORY = 512 * 2**20
"""Most bytes of one step of a program that maps over examples or codes; a single row is processed whatever it takes."""
LIVE = 5
"""How many arrays as large as the widest a step holds at its peak (a test measures that there are no more)."""


def rows_at_once(
    function: Callable[..., Any],
    fixed: tuple[Any, ...],
    rows: tuple[Any, ...],
    most: int,
    *,
    memory: int = ROWS_MEMORY,
    live: int = LIVE,
) -> int:
    """How many rows a program takes at a time: ``most``, or as many as fit; at least one.

    It is the same for models of the same shapes on every machine: it is counted from the shapes of the program's
    arrays, and nothing is computed.

    Args:
        function: called with all of ``fixed``, then all of ``rows``; not compiled.
        fixed: arguments without rows: pytrees of arrays or of their shapes.
        rows: pytrees of arrays with rows along the first axis, or of their shapes; None for an argument that is absent.
        most: the number where memory does not matter.
        memory: bytes.
        live: arrays as large as the widest.
    """
    if most <= 1:
        return 1
    of_fixed, of_rows = _frozen(fixed), _frozen(rows)
    try:
        width = _row_bytes(function, of_fixed, of_rows)
    except TypeError:  # A user's own part that cannot be hashed.
        width = _row_bytes.__wrapped__(function, of_fixed, of_rows)
    return max(1, min(most, memory // (live * width)))


def arrays_at_once(values: int, most: int, *, memory: int = ROWS_MEMORY) -> int:
    """How many examples of this many values to hold as floats at a time, with as much again for what is made of them:
    ``most``, or as many as fit; at least one."""
    return max(1, min(most, memory // (8 * max(values, 1))))


def _frozen(tree: Any) -> tuple[Any, tuple[Any, ...]]:
    """A pytree by its structure and its leaves, arrays as their shapes and types: hashable."""
    leaves, structure = jax.tree.flatten(tree)
    return structure, tuple(
        (tuple(leaf.shape), leaf.dtype) if hasattr(leaf, "shape") and hasattr(leaf, "dtype") else leaf
        for leaf in leaves
    )


def _thawed(frozen: tuple[Any, tuple[Any, ...]], count: int | None = None) -> Any:
    structure, leaves = frozen
    made = [
        jax.ShapeDtypeStruct(leaf[0] if count is None else (count, *leaf[0][1:]), leaf[1])  # type: ignore[no-untyped-call]
        if isinstance(leaf, tuple) and len(leaf) == 2 and isinstance(leaf[0], tuple)
        else leaf
        for leaf in leaves
    ]
    return jax.tree.unflatten(structure, made)


@lru_cache(maxsize=256)
def _row_bytes(function: Callable[..., Any], fixed: Any, rows: Any) -> int:
    """Bytes that each row adds to the array that grows fastest."""
    few, more = ([*_sizes(function, *_thawed(fixed), *_thawed(rows, count))] for count in (2, 3))
    if len(few) != len(more):  # Another program for another number of rows.
        return max(1, -(-max(more, default=1) // 3))
    return max(1, max((b - a for a, b in zip(few, more, strict=True)), default=1))


def _sizes(function: Callable[..., Any], *given: Any) -> Iterator[int]:
    arrays, rest = eqx.partition(given, lambda leaf: isinstance(leaf, jax.ShapeDtypeStruct))
    traced = jax.make_jaxpr(lambda arrays: eqx.filter(function(*eqx.combine(arrays, rest)), eqx.is_array))(arrays)
    for array in (*traced.in_avals, *made(traced.jaxpr)):
        yield math.prod(array.shape) * getattr(array.dtype, "itemsize", 4)


def made(jaxpr: Any) -> Iterator[Any]:
    """The shape and type of each array that a traced function makes, including those of functions inside it."""
    for equation in jaxpr.eqns:
        yield from (v.aval for v in equation.outvars if hasattr(v.aval, "shape"))
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda p: hasattr(p, "eqns")):
            found = getattr(inner, "jaxpr", inner)
            if hasattr(found, "eqns"):
                yield from made(found)
