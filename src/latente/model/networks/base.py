"""The interface of networks: each builds an encoder and its mirror, the decoder."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import equinox as eqx
from jax import Array

from latente.errors import LatenteError, SpecError
from latente.registry import Registry

networks: Registry[Network] = Registry("network")


class Net(Protocol):
    """A network: one array in, one flat vector out, and no randomness.

    It gets a second argument, a context vector, only if the model is conditioned on something.
    """

    def __call__(self, x: Array, context: Array | None = None, /) -> Array:
        """One example or code in, a flat vector out."""
        ...


@dataclass(frozen=True)
class Plan:
    """The sizes of a network to build.

    Attributes:
        shape: of the input (encoder) or the output (decoder).
        size: length of the output (encoder) or the input (decoder).
        hidden: widths from the data's end to the code's, for both.
        activation: between the layers.
        context: length of the context vector; 0 for none.
    """

    shape: tuple[int, ...]
    size: int
    hidden: tuple[int, ...]
    activation: str
    context: int = 0


class Network(eqx.Module):
    """A kind of network."""

    @abstractmethod
    def encoder(self, plan: Plan, *, key: Array) -> Net:
        """A net from an array of ``plan.shape`` to a vector of ``plan.size``."""

    @abstractmethod
    def decoder(self, plan: Plan, *, key: Array) -> Net:
        """A net from a vector of ``plan.size`` to a flat vector with one entry for each of ``plan.shape``."""

    def build(self, which: str, plan: Plan, *, key: Array) -> Net:
        """The "encoder" or the "decoder", as ``which`` says, for a plan.

        Raises:
            SpecError: building fails or returns something that cannot be called, as a user's own network may.
        """
        name = networks.name_of(self)
        try:
            net: Net = getattr(self, which)(plan, key=key)
        except LatenteError:
            raise
        except Exception as error:
            raise SpecError(f"{name}: making its {which} for {plan} fails: {type(error).__name__}: {error}") from error
        if not callable(net):
            raise SpecError(f"{name}: got {net!r} as its {which}; allowed: a module that can be called")
        return net

    def with_bias(self, decoder: Net, bias: Array) -> Net:
        """The decoder with this output bias, of ``plan.shape``.

        Raises:
            SpecError: its last layer has no such bias.
        """
        raise SpecError(f"{networks.name_of(self)} does not go with output_bias: it has no bias for each output")


class FullyConnected(Network):
    """Fully connected layers, made by ``net`` from their widths and their activation."""

    net: ClassVar[Callable[..., Net]]

    def encoder(self, plan: Plan, *, key: Array) -> Net:
        """Widths prod(shape), *hidden, size."""
        return self.net((math.prod(plan.shape) + plan.context, *plan.hidden, plan.size), plan.activation, key=key)

    def decoder(self, plan: Plan, *, key: Array) -> Net:
        """Widths size, *reversed(hidden), prod(shape)."""
        sizes = (plan.size + plan.context, *reversed(plan.hidden), math.prod(plan.shape))
        return self.net(sizes, plan.activation, key=key)
