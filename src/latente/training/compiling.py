"""Options of XLA's compiler, for the versions of it that are known to take them."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

KNOWN = ((0, 5), (0, 10))
"""The first and the last jaxlib on which the options were tried; another may refuse to compile with them."""


def known() -> bool:
    """Whether this jaxlib is one of them."""
    first, last = KNOWN
    return first <= tuple(int(n) for n in version("jaxlib").split(".")[:2]) <= last


def in_place() -> dict[str, Any]:
    """For `jax.jit`: let weights change in place. XLA otherwise copies each one that a step reads twice before it is
    changed, a twenty-fifth of the notebook's epoch; the numbers are the same to the bit."""
    return {"compiler_options": {"xla_cpu_copy_insertion_use_region_analysis": True}} if known() else {}
