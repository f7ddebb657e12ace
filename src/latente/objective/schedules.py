"""Schedules of weights during training: constant, linear and cyclical warm-up."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax import Array

from latente.errors import SpecError
from latente.registry import Registry

schedules: Registry[Schedule] = Registry("schedule")


class Schedule:
    """A weight as a function of the number of training steps done."""

    @abstractmethod
    def at(self, step: Array) -> Array | float:
        """The weight at a step, counted from zero."""

    @abstractmethod
    def length(self) -> int:
        """The number of steps after which the weight no longer changes."""

    def settled(self, step: Array) -> Array:
        """Whether the weight no longer changes."""
        return step >= self.length()


@schedules.register("constant")
@dataclass(frozen=True)
class Constant(Schedule):
    """``end`` at every step."""

    end: float = 1.0

    def __post_init__(self) -> None:
        _check("end", self.end, at_least=0)

    def at(self, step: Array) -> Array | float:
        """``end``."""
        return self.end

    def length(self) -> int:
        """0."""
        return 0


@schedules.register("linear", source="Sønderby et al. 2016, arXiv:1602.02282")
@dataclass(frozen=True)
class Linear(Schedule):
    """From ``start`` to ``end`` over the first ``steps`` steps, then ``end``."""

    steps: int = 1000
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        _check("steps", self.steps, at_least=1, whole=True)
        _check("start", self.start, at_least=0)
        _check("end", self.end, at_least=0)

    def at(self, step: Array) -> Array | float:
        """start + (end − start) · min(step / steps, 1)."""
        return self.start + (self.end - self.start) * jnp.minimum(step / self.steps, 1.0)

    def length(self) -> int:
        """``steps``."""
        return self.steps


@schedules.register("cyclical", source="Fu et al. 2019, arXiv:1903.10145")
@dataclass(frozen=True)
class Cyclical(Schedule):
    """``cycles`` linear rises from ``start`` to ``end`` in ``steps`` steps, then ``end``.

    In each cycle the rise takes the share ``rise`` of its steps, and ``end`` holds for the rest.
    """

    steps: int = 1000
    cycles: int = 4
    rise: float = 0.5
    start: float = 0.0
    end: float = 1.0

    def __post_init__(self) -> None:
        _check("steps", self.steps, at_least=1, whole=True)
        _check("cycles", self.cycles, at_least=1, whole=True)
        if self.cycles > self.steps:
            raise SpecError(f"got cycles = {self.cycles} in steps = {self.steps}; allowed: at most one cycle a step")
        _check("rise", self.rise, at_least=0, at_most=1, above=True)
        _check("start", self.start, at_least=0)
        _check("end", self.end, at_least=0)

    def at(self, step: Array) -> Array | float:
        """By the position within the cycle."""
        cycle = self.steps / self.cycles
        place = jnp.mod(step, cycle) / cycle
        rising = self.start + (self.end - self.start) * jnp.minimum(place / self.rise, 1.0)
        return jnp.where(step >= self.steps, self.end, rising)

    def length(self) -> int:
        """``steps``."""
        return self.steps


def schedule(value: float | Mapping[str, Any], where: str) -> Schedule:
    """A number as a constant, or a table ``{name = "linear", steps = 5000}`` as the named schedule.

    Raises:
        SpecError: a number below zero, or a table with an unknown schedule or a value out of range.
    """
    if not isinstance(value, Mapping | str):
        try:
            return Constant(value)
        except SpecError:
            raise SpecError(
                f"{where}: got {value!r}; allowed: a number of at least 0, or a schedule such as "
                '{name = "linear", steps = 5000}'
            ) from None
    try:
        return schedules.make(value)
    except SpecError as error:
        raise SpecError(f"{where}: {error}") from None


def _check(
    name: str, value: Any, *, at_least: float, at_most: float = math.inf, above: bool = False, whole: bool = False
) -> None:
    fine = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not fine or not at_least <= value <= at_most or value == math.inf or (above and value == at_least):
        kind = "a whole number" if whole else "a number"
        bound = f"{'above' if above else 'of at least'} {at_least:g}"
        top = f" and at most {at_most:g}" if at_most < math.inf else ""
        raise SpecError(f"got {name} = {value!r}; allowed: {kind} {bound}{top}")
