"""A model that latente trained, in Keras: it needs keras, one of its backends, and safetensors alone.

from model import load

model = load()                         # config.json and model.safetensors beside this file
codes = model.encode(x)                # x: (n, *shape), in the data's own units
again = model.decode(codes)            # (n, *shape), in the data's own units
new = model.sample(16, seed=0)         # decoded codes from the prior
"""

import json
from pathlib import Path

import keras
import numpy as np
from keras import ops
from safetensors.numpy import load_file

ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": ops.relu,
    "tanh": ops.tanh,
    "sigmoid": ops.sigmoid,
    "elu": ops.elu,
    "gelu": lambda x: ops.gelu(x, approximate=True),
    "silu": ops.silu,
    "softplus": ops.softplus,
}


def langevin(x):
    """coth x − 1 / x, by its series near zero."""
    near = ops.abs(x) < 0.5
    far, s = ops.where(near, 1.0, x), ops.where(near, x, 0.0) ** 2
    series = x * (1 / 3 - s * (1 / 45 - s * (2 / 945 - s * (1 / 4725 - s * 2 / 93555))))
    return ops.where(near, series, 1 / ops.tanh(far) - 1 / far)


FUNCTIONS = {"exp": ops.exp, "log1p": ops.log1p, "round": ops.round, "langevin": langevin}


class KerasModel(keras.Model):
    """An encoder and a decoder, as the lists of steps in config.json; methods take n examples or codes."""

    def __init__(self, config, arrays):
        super().__init__()
        self.about, self.shape, self.arrays = config, tuple(config["shape"]), {}
        # In the data's own precision, which may be more than that of the network.
        self.multiplier, self.offset = arrays.pop("scaling.multiplier"), arrays.pop("scaling.offset")
        for name, value in arrays.items():
            learnt = name.startswith(("encoder.", "decoder."))
            made = self.add_weight(name=name.replace(".", "_"), shape=value.shape, trainable=learnt)
            made.assign(value)
            self.arrays[name] = made
        self.built = True

    def encode(self, x, context=None):
        """The codes of examples x (n, *shape) in the data's own units: the means, without noise."""
        return self.posterior(x, context)[:, : self.about["code_size"]]

    def posterior(self, x, context=None):
        """The codes and, of a Gaussian posterior, then the log-variances: (n, code_size or twice that)."""
        x = np.asarray(x, self.multiplier.dtype)
        if x.shape[1:] != self.shape:
            raise ValueError(f"x: got shape {x.shape}; allowed: (n, {', '.join(map(str, self.shape))})")
        x = (x * self.multiplier + self.offset).astype(np.float32).reshape(len(x), -1)
        x = np.clip(x, 0, 1) if self.about["clip"] else x
        return self.run(self.about["encoder"], ops.convert_to_tensor(x), self.given(context))

    def decode(self, codes, context=None):
        """The decoded means of codes (n, code_size), in the data's own units: an array (n, *shape)."""
        codes = ops.convert_to_tensor(codes, "float32")
        x = ops.convert_to_numpy(self.run(self.about["decoder"], codes, self.given(context)))
        return (x.reshape(-1, *self.shape).astype(self.multiplier.dtype) - self.offset) / self.multiplier

    def call(self, x, context=None):
        """What the networks alone do, for training on: model values (n, values), flat, to reconstructed ones."""
        codes = self.run(self.about["encoder"], x, context)[:, : self.about["code_size"]]
        return self.run(self.about["decoder"], codes, context)

    def sample(self, n, seed=None, context=None):
        """n decoded codes from the prior, in the data's own units."""
        return self.decode(self.sample_codes(n, seed), context)

    def sample_codes(self, n, seed=None):
        """n codes from the prior, (n, code_size)."""
        prior, size = self.about["prior"], self.about["code_size"]
        seeds = keras.random.SeedGenerator(seed)
        if prior["kind"] == "none":
            raise ValueError("this model has no prior to sample from; decode codes of your own")
        noise = keras.random.normal((n, size), seed=seeds)
        if prior["kind"] == "normal":
            return noise
        if prior["kind"] == "sphere":
            return noise / ops.sqrt(ops.sum(noise**2, axis=1, keepdims=True))
        if prior["kind"] == "classes":
            groups = size // prior["classes"]
            drawn = keras.random.randint((n, groups), 0, prior["classes"], seed=seeds)
            return ops.reshape(ops.one_hot(drawn, prior["classes"]), (n, size))
        if prior["kind"] == "grid":
            steps = np.float32(prior["steps"])
            return 2 * ops.floor(keras.random.uniform((n, size), seed=seeds) * (steps + 1)) / steps - 1
        if prior["kind"] == "codes":
            total = 0
            for book in map(self.array, prior["books"]):
                drawn = keras.random.randint((n, size // book.shape[1]), 0, book.shape[0], seed=seeds)
                total = total + ops.reshape(ops.take(book, drawn, axis=0), (n, size))
            return total
        weights, means, factors = (self.array(f"prior.{k}") for k in ("weights", "means", "factors"))
        k = keras.random.categorical(ops.log(weights)[None], n, seed=seeds)[0]
        factors = ops.take(factors, k, axis=0)
        spread = factors * noise if len(factors.shape) == 2 else ops.einsum("nij,nj->ni", factors, noise)
        return ops.take(means, k, axis=0) + spread

    def array(self, name):
        """A weight, by its name in model.safetensors."""
        return ops.convert_to_tensor(self.arrays[name])

    def given(self, context):
        """What the model is conditioned on, (n, context_size); None for a model that is not."""
        size = self.about["context_size"]
        if (context is None) != (size == 0):
            raise ValueError(f"context: this model takes {f'numbers of shape (n, {size})' if size else 'none'}")
        return None if context is None else ops.convert_to_tensor(context, "float32")

    def run(self, steps, x, context):
        """The steps of config.json, one after the other."""
        for step in steps:
            x = self.step(step, x, context)
        return x

    def step(self, step, x, context):
        """One step; x has the examples on its first axis, and the channels of images on its last."""
        op = step["op"]
        if op == "dense":
            return ops.matmul(x, self.array(step["weight"])) + self.array(step["bias"])
        if op == "convolution":
            x = ops.pad(x, [[0, 0], *step["pads"], [0, 0]])
            kernel, form = self.array(step["weight"]), "channels_last"
            y = ops.conv(x, kernel, strides=step["stride"], padding="valid", data_format=form)
            return y + self.array(step["bias"])
        if op == "activation":
            return ACTIVATIONS[step["name"]](x)
        if op == "function":
            return FUNCTIONS[step["name"]](x)
        if op == "bounded":
            return step["bound"] * ops.tanh(x / step["bound"])
        if op == "moments":
            mean, raw = ops.split(x, 2, axis=1)
            return ops.concatenate([mean, step["bound"] * ops.tanh(raw / step["bound"])], axis=1)
        if op == "affine":
            return x * self.array(step["multiplier"]) + self.array(step["offset"])
        if op == "standard":
            return (x - self.array(step["center"])) / self.array(step["spread"])
        if op == "slice":
            return x[..., step["start"] : step["stop"]]
        if op == "take":
            return ops.take(x, np.array(step["index"]), axis=-1)
        if op == "reshape":
            return ops.reshape(x, (x.shape[0], *step["shape"]))
        if op == "transpose":
            return ops.transpose(x, (0, *step["axes"]))
        if op == "enlarge":
            height, width = step["size"]
            return ops.repeat(ops.repeat(x, 2, axis=1), 2, axis=2)[:, :height, :width]
        if op == "softmax":
            return ops.softmax(x, axis=-1)
        if op == "largest":
            return ops.cast(ops.argmax(x, axis=-1), "float32")
        if op == "sum":
            return ops.sum(x, axis=-1)
        if op == "length_one":
            length = ops.sqrt(ops.sum(x**2, axis=1, keepdims=True))
            return ops.where(length > 1e-6, x / ops.maximum(length, 1e-6), ops.eye(1, x.shape[1]))
        if op == "hot":
            return ops.one_hot(ops.argmax(x, axis=-1), x.shape[-1])
        if op == "top":
            _, kept = ops.top_k(x, step["k"])
            return x * ops.sum(ops.one_hot(kept, x.shape[1]), axis=1)
        if op == "nearest":
            total, left = 0, x
            for book in (self.array(name) for name in step["books"]):
                place = ops.argmin(ops.sum(book**2, axis=1) - 2 * ops.matmul(left, ops.transpose(book)), axis=-1)
                found = ops.take(book, place, axis=0)
                total, left = total + found, left - found
            return total
        if op == "equal":
            return ops.cast(ops.equal(ops.round(x), self.array(step["value"])), "float32")
        if op == "observed":
            return ops.cast(ops.logical_not(ops.isnan(x)), "float32")
        if op == "filled":
            return ops.where(ops.isnan(x), self.array(step["value"]), x)
        if op == "context":
            wide = ops.reshape(context, (x.shape[0], *[1] * (len(x.shape) - 2), -1))
            return ops.concatenate([x, ops.broadcast_to(wide, (*x.shape[:-1], wide.shape[-1]))], axis=-1)
        parts = [self.run(branch, x, context) for branch in step["branches"]]
        if op == "join":
            return ops.concatenate(parts, axis=-1)
        total = parts[0]
        for part in parts[1:]:
            total = total * part if op == "multiply" else total + part
        return total


def load(folder=None):
    """The model of a folder with config.json and model.safetensors; by default of this file's own."""
    folder = Path(__file__).parent if folder is None else Path(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return KerasModel(config, load_file(folder / "model.safetensors"))
