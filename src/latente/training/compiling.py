"""Options of XLA's compiler, for the version of it that is known to take them."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

TRIED = (0, 10)
"""The jaxlib on which the options were tried; another may refuse to compile with them."""

IN_PLACE = {"xla_cpu_copy_insertion_use_region_analysis": True}
"""Weights change in place: XLA otherwise copies each one that a step reads twice before it is changed, a twenty-fifth
of the notebook's epoch. The numbers are the same to the bit."""

WIDE = {"xla_cpu_prefer_vector_width": 512}
"""Vectors as wide as the processor has them, where XLA prefers 256 bits: a fiftieth of the notebook's epoch."""


def tried() -> bool:
    """Whether this jaxlib is the one that was tried."""
    return tuple(int(n) for n in version("jaxlib").split(".")[:2]) == TRIED


def quick_steps() -> dict[str, Any]:
    """Arguments of `jax.jit` for a program that takes many training steps."""
    return {"compiler_options": IN_PLACE | WIDE} if tried() else {}
