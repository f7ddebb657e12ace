"""Convolutional networks for images of any height, width and number of channels, plain and residual."""

from __future__ import annotations

import itertools
import math

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.model.nets import Dense, activation, uniform, zeros
from latente.model.networks.base import Net, Network, Plan, networks
from latente.model.options import whole


class Conv(eqx.Module):
    """A convolution of (height, width, channels) with zero padding, so that stride 1 keeps the size and stride 2
    halves it, rounded up. Weights as in `Dense`: uniform in ±√(6 / (k²(in + out))).

    It is a single matrix product with the image's patches: inside the loop over steps, XLA's own convolutions fall off
    their fast paths and take eight times as long.
    """

    weight: Array
    bias: Array
    stride: int = eqx.field(static=True)

    def __init__(self, inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, key: Array) -> None:
        limit = (6 / (kernel**2 * (inputs + outputs))) ** 0.5
        self.weight = uniform(key, (kernel, kernel, inputs, outputs), limit)
        self.bias = zeros(outputs)
        self.stride = stride

    def __call__(self, x: Array) -> Array:
        """(height, width, inputs) to (⌈height / stride⌉, ⌈width / stride⌉, outputs)."""
        kernel, stride = len(self.weight), self.stride
        # From the first to the last pixel that an entry of the kernel meets; an odd zero goes below and to the right.
        height, width = ((-(-n // stride) - 1) * stride + 1 for n in x.shape[:2])
        missing = [max(r + kernel - 1 - n, 0) for r, n in zip((height, width), x.shape[:2], strict=True)]
        padded = jnp.pad(x, [*((m // 2, m - m // 2) for m in missing), (0, 0)])
        places = itertools.product(range(kernel), repeat=2)
        patches = [padded[i : i + height : stride, j : j + width : stride] for i, j in places]
        return jnp.concatenate(patches, axis=-1) @ self.weight.reshape(-1, self.weight.shape[-1]) + self.bias


class Residual(eqx.Module):
    """x + conv₁ₓ₁(act(conv₃ₓ₃(act(x)))); the 1×1 weights start at zero, so that a new block changes nothing."""

    wide: Conv
    narrow: Conv
    activation: str = eqx.field(static=True)

    def __init__(self, channels: int, activation: str, *, key: Array) -> None:
        self.wide = Conv(channels, channels, key=key)
        narrow = Conv(channels, channels, kernel=1, key=key)
        self.narrow = eqx.tree_at(lambda c: c.weight, narrow, jnp.zeros_like(narrow.weight))
        self.activation = activation

    def __call__(self, x: Array) -> Array:
        """The shape of x."""
        act = activation(self.activation)
        return x + self.narrow(act(self.wide(act(x))))


class ConvEncoder(eqx.Module):
    """Convolutions that halve the image, one for each width, with residual blocks after each, then a dense layer.

    A context vector is added to the image as constant channels.
    """

    downs: tuple[Conv, ...]
    blocks: tuple[tuple[Residual, ...], ...]
    last: Dense
    activation: str = eqx.field(static=True)

    def __init__(self, plan: Plan, blocks: int, *, key: Array) -> None:
        height, width, channels = _image(plan.shape)
        keys = iter(jr.split(key, len(plan.hidden) * (blocks + 1) + 1))
        ends = (channels + plan.context, *plan.hidden)
        self.downs = tuple(Conv(i, o, stride=2, key=next(keys)) for i, o in itertools.pairwise(ends))
        self.blocks = tuple(
            tuple(Residual(o, plan.activation, key=next(keys)) for _ in range(blocks)) for o in ends[1:]
        )
        height, width = _halved(height, width, len(plan.hidden))[-1]
        self.last = Dense(height * width * ends[-1], plan.size, key=next(keys))
        self.activation = plan.activation

    def __call__(self, x: Array, context: Array | None = None) -> Array:
        """(height, width) or (height, width, channels) to (size,)."""
        act = activation(self.activation)
        x = x[..., None] if x.ndim == 2 else x
        if context is not None:
            x = jnp.concatenate([x, jnp.broadcast_to(context, (*x.shape[:2], len(context)))], axis=-1)
        for down, blocks in zip(self.downs, self.blocks, strict=True):
            x = act(down(x))
            for block in blocks:
                x = block(x)
        return self.last(jnp.ravel(x))


class ConvDecoder(eqx.Module):
    """The encoder's mirror: a dense layer, then for each width residual blocks, upsampling by repeated pixels, and a
    convolution (Odena et al. 2016: no checkerboard)."""

    first: Dense
    blocks: tuple[tuple[Residual, ...], ...]
    ups: tuple[Conv, ...]
    sizes: tuple[tuple[int, int], ...] = eqx.field(static=True)
    shape: tuple[int, ...] = eqx.field(static=True)
    activation: str = eqx.field(static=True)

    def __init__(self, plan: Plan, blocks: int, *, key: Array) -> None:
        height, width, channels = _image(plan.shape[1:])
        self.sizes = tuple(reversed(_halved(height, width, len(plan.hidden))))
        self.shape, self.activation = plan.shape, plan.activation
        keys = iter(jr.split(key, len(plan.hidden) * (blocks + 1) + 1))
        ends = (*reversed(plan.hidden), plan.shape[0] * channels)
        self.first = Dense(plan.size + plan.context, math.prod(self.sizes[0]) * ends[0], key=next(keys))
        self.blocks = tuple(
            tuple(Residual(i, plan.activation, key=next(keys)) for _ in range(blocks)) for i in ends[:-1]
        )
        self.ups = tuple(Conv(i, o, key=next(keys)) for i, o in itertools.pairwise(ends))

    def __call__(self, z: Array, context: Array | None = None) -> Array:
        """(size,) to a flat vector with one entry for each of the plan's shape."""
        act = activation(self.activation)
        z = z if context is None else jnp.concatenate([z, context])
        x = act(self.first(z)).reshape(*self.sizes[0], -1)
        for number, (blocks, up) in enumerate(zip(self.blocks, self.ups, strict=True)):
            for block in blocks:
                x = block(x)
            x = up(_enlarged(x, self.sizes[number + 1]))
            x = act(x) if number + 1 < len(self.ups) else x
        # The likelihood has its outputs first; a convolution has channels last.
        return jnp.ravel(jnp.moveaxis(x.reshape(*x.shape[:2], self.shape[0], -1), 2, 0))


@networks.register("conv", source="LeCun et al. 1998; Odena et al. 2016 (resize and convolve)")
class ConvNetwork(Network):
    """Convolutions of stride 2 and their mirror, for images of any size: ``hidden`` are their channels."""

    def depth(self) -> int:
        """The number of residual blocks at each level: 0."""
        return 0

    def encoder(self, plan: Plan, *, key: Array) -> Net:
        """From an image of any size."""
        _check(self, plan, plan.shape)
        return ConvEncoder(plan, self.depth(), key=key)

    def decoder(self, plan: Plan, *, key: Array) -> Net:
        """To an image of any size."""
        _check(self, plan, plan.shape[1:])
        return ConvDecoder(plan, self.depth(), key=key)


@networks.register("residual", source="He et al. 2016, arXiv:1603.05027; van den Oord et al. 2017, section 4.1")
class ResidualNetwork(ConvNetwork):
    """As "conv", with ``blocks`` residual blocks at each level."""

    blocks: int = eqx.field(static=True, default=2)

    def __check_init__(self) -> None:
        whole('network "residual"', "blocks", self.blocks)

    def depth(self) -> int:
        """``blocks``."""
        return self.blocks


def _check(network: Network, plan: Plan, shape: tuple[int, ...]) -> None:
    if len(shape) not in (2, 3):
        raise SpecError(
            f"{networks.name_of(network)} needs images, (height, width) or (height, width, channels), and got examples "
            f'of shape {shape}; take network "mlp" (also where values are missing)'
        )
    if not plan.hidden:
        raise SpecError(f"{networks.name_of(network)}: got hidden = []; allowed: at least one number of channels")


def _image(shape: tuple[int, ...]) -> tuple[int, int, int]:
    return shape[0], shape[1], shape[2] if len(shape) == 3 else 1


def _halved(height: int, width: int, times: int) -> tuple[tuple[int, int], ...]:
    sizes = [(height, width)]
    for _ in range(times):
        height, width = -(-height // 2), -(-width // 2)
        sizes.append((height, width))
    return tuple(sizes)


def _enlarged(x: Array, size: tuple[int, int]) -> Array:
    """Every pixel repeated twice in both directions, cropped where the size is odd."""
    return jnp.repeat(jnp.repeat(x, 2, axis=0), 2, axis=1)[: size[0], : size[1]]
