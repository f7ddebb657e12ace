"""Programs that take many training steps, compiled with the options of XLA that are quickest for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Any, ParamSpec, TypeVar

import equinox as eqx
import jax

P = ParamSpec("P")
R = TypeVar("R")
Options = dict[str, bool | int | str]

TRIED = (0, 10)
"""The jaxlib on which the options were tried; another may refuse to compile with them."""

IN_PLACE: Options = {"xla_cpu_copy_insertion_use_region_analysis": True}
"""Weights change in place: XLA otherwise copies each one that a step reads twice before it is changed, a twenty-fifth
of the notebook's epoch. The numbers are the same to the bit."""

WIDE: Options = {"xla_cpu_prefer_vector_width": 512}
"""Vectors as wide as the processor has them, where XLA prefers 256 bits: a fiftieth of the notebook's epoch."""

EIGEN: Options = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_REDUCE"}
"""Matrix products by Eigen, and only sums by YNNPACK, which XLA otherwise takes for both."""

SMALL = 2**18
"""How many weights a model's matrices may have for `EIGEN`, whose product with a large transposed one is slow. On two
cores with AVX2 and in batches of 128, an epoch of 784-256-128 takes 0.90 of the time with it, of 64-256-128 0.82, but
of 784-512-256 1.06 and of 784-1024-512 1.15."""


def tried() -> bool:
    """Whether this jaxlib is the one that was tried."""
    return tuple(int(n) for n in version("jaxlib").split(".")[:2]) == TRIED


def options_for(model: eqx.Module) -> Options:
    """What XLA is told for a model of that size: nothing, where the jaxlib is another than the tried one."""
    if not tried():
        return {}
    largest = max((w.size for w in jax.tree.leaves(model) if eqx.is_array(w) and w.ndim > 1), default=0)
    return IN_PLACE | WIDE | (EIGEN if largest <= SMALL else {})


def compiled(function: Callable[P, R], model: eqx.Module) -> Callable[P, R]:
    """`equinox.filter_jit` with `options_for` the model; each function and options once."""
    return _compiled(function, tuple(options_for(model).items()))


@cache
def _compiled(function: Callable[P, R], options: tuple[tuple[str, bool | int | str], ...]) -> Callable[P, R]:
    settings: dict[str, Any] = {"compiler_options": dict(options)}
    return eqx.filter_jit(function, **settings)
