"""How programs are compiled: `jit` for all of them, and `compiled` for those that run many training steps.

Heavy imports are deferred, because the command line takes its XLA flags from here before JAX starts.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    import equinox as eqx

P = ParamSpec("P")
R = TypeVar("R")
Options = dict[str, bool | int | str]

SOUND_ON, TRIED_ON = ((0, 10), (0, 11), (0, 12)), ((0, 10),)
"""The versions of jaxlib that get `SOUND`, and those on which the options for speed were tried; another may refuse to
compile with an option that it does not know."""

LIBRARY = "xla_cpu_experimental_ynn_fusion_type"
"""What XLA leaves to YNNPACK; by default single products and sums."""

SOUND: Options = {LIBRARY: "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT"}
"""Single products only, because YNNPACK's sums over a matrix product can be silently wrong: in jaxlib 0.10.2
(github.com/jax-ml/jax/issues/39103), and of another kind still in 0.12.0.1 (the test covers both)."""

EIGEN: Options = {LIBRARY: ""}
"""Nothing: XLA's own Eigen computes the products when models with `SMALL` matrices are trained."""

SMALL = 2**18
"""Most weights of a model's largest matrix for which Eigen is faster; it is slow to multiply by the transpose of a
large matrix. On two cores with AVX2 and in batches of 128, an epoch of 784-256-128 took 0.94 of the time of XLA's
default, of 64-256-128 0.79, of 784-1024-512 1.12, and of 784-512-256, with YNNPACK's sums, 1.06."""

IN_PLACE: Options = {"xla_cpu_copy_insertion_use_region_analysis": True}
"""Weights are updated in place: XLA otherwise copies each one that a step reads twice before it changes, which takes a
twenty-fifth of the notebook's epoch. The numbers are the same to the bit."""

WIDE: Options = {"xla_cpu_prefer_vector_width": 512}
"""Vectors as wide as the processor's, where XLA prefers 256 bits: saves a fiftieth of the notebook's epoch."""


def installed() -> tuple[int, int]:
    """The major and minor version of jaxlib."""
    major, minor = version("jaxlib").split(".")[:2]
    return int(major), int(minor)


def sound() -> Options:
    """XLA's options for every program, so that its numbers are right."""
    return SOUND if installed() in SOUND_ON else {}


def flags() -> str:
    """XLA_FLAGS for latente's own processes: right numbers also in what JAX compiles without `jit` of this module, and
    an eighth less time to compile at the same speed afterwards. A jaxlib that does not know a flag would not start."""
    options = [f"--{name}={value}" for name, value in sound().items()]
    return " ".join(options + ["--xla_llvm_disable_expensive_passes=true"] * (installed() in TRIED_ON))


def options_for(model: eqx.Module) -> Options:
    """XLA's options for a program that runs many training steps of a model of this size."""
    if installed() not in TRIED_ON:
        return sound()
    import equinox as eqx
    import jax

    largest = max((w.size for w in jax.tree.leaves(model) if eqx.is_array(w) and w.ndim > 1), default=0)
    return IN_PLACE | WIDE | (EIGEN if largest <= SMALL else SOUND)


def jit(function: Callable[P, R], options: Options | None = None) -> Callable[P, R]:
    """`equinox.filter_jit` with the `sound` options, or others; JAX refuses one such program inside another."""
    import equinox as eqx

    settings: dict[str, Any] = {"compiler_options": sound() if options is None else options}
    return eqx.filter_jit(function, **settings)


def uncompiled(function: Callable[P, R]) -> Callable[P, R]:
    """The function that `jit` compiles, to be traced rather than called with numbers."""
    found: Callable[P, R] = function.__wrapped__  # type: ignore[attr-defined]
    return found


def compiled(function: Callable[P, R], model: eqx.Module) -> Callable[P, R]:
    """`jit` with `options_for` the model; each pair of function and options is made once."""
    return _compiled(function, tuple(options_for(model).items()))


@cache
def _compiled(function: Callable[P, R], options: tuple[tuple[str, bool | int | str], ...]) -> Callable[P, R]:
    return jit(function, dict(options))
