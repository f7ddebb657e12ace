"""A model that latente trained, in PyTorch: it needs torch and safetensors alone, and runs nothing but this file.

from model import load

model = load()                         # config.json and model.safetensors beside this file
codes = model.encode(x)                # x: (n, *shape), in the data's own units
again = model.decode(codes)            # (n, *shape), in the data's own units
new = model.sample(16, seed=0)         # decoded codes from the prior
"""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch.nn import functional as F

ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": F.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "elu": F.elu,
    "gelu": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "softplus": F.softplus,
}


def langevin(x):
    """coth x − 1 / x, by its series near zero."""
    near = x.abs() < 0.5
    far, s = torch.where(near, 1.0, x), torch.where(near, x, 0.0) ** 2
    series = x * (1 / 3 - s * (1 / 45 - s * (2 / 945 - s * (1 / 4725 - s * 2 / 93555))))
    return torch.where(near, series, 1 / torch.tanh(far) - 1 / far)


FUNCTIONS = {"exp": torch.exp, "log1p": torch.log1p, "round": torch.round, "langevin": langevin}


class TorchModel(torch.nn.Module):
    """An encoder and a decoder, as the lists of steps in config.json; methods take n examples or codes."""

    def __init__(self, config, arrays):
        super().__init__()
        self.config, self.shape = config, tuple(config["shape"])
        for name, value in arrays.items():
            if name.startswith(("encoder.", "decoder.")):
                self.register_parameter(name.replace(".", "_"), torch.nn.Parameter(value))
            else:
                self.register_buffer(name.replace(".", "_"), value)

    def encode(self, x, context=None):
        """The codes of examples x (n, *shape) in the data's own units: the means, without noise."""
        return self.posterior(x, context)[:, : self.config["code_size"]]

    def posterior(self, x, context=None):
        """The codes and, of a Gaussian posterior, then the log-variances: (n, code_size or twice that)."""
        multiplier, offset = self.array("scaling.multiplier"), self.array("scaling.offset")
        x = torch.as_tensor(x, device=multiplier.device).to(multiplier.dtype)
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"x: got shape {tuple(x.shape)}; allowed: (n, {', '.join(map(str, self.shape))})")
        x = (x * multiplier + offset).to(torch.float32)
        x = x.clamp(0, 1) if self.config["clip"] else x
        return self.run(self.config["encoder"], x.flatten(1), self.given(context))

    def decode(self, codes, context=None):
        """The decoded means of codes (n, code_size), in the data's own units: (n, *shape)."""
        multiplier, offset = self.array("scaling.multiplier"), self.array("scaling.offset")
        codes = torch.as_tensor(codes, dtype=torch.float32, device=multiplier.device)
        x = self.run(self.config["decoder"], codes, self.given(context)).reshape(-1, *self.shape)
        return (x.to(multiplier.dtype) - offset) / multiplier

    def forward(self, x, context=None):
        """The reconstructions of examples: their decoded codes."""
        return self.decode(self.encode(x, context), context)

    def sample(self, n, seed=None, context=None):
        """n decoded codes from the prior, in the data's own units."""
        return self.decode(self.sample_codes(n, seed), context)

    def sample_codes(self, n, seed=None):
        """n codes from the prior, (n, code_size)."""
        prior, size = self.config["prior"], self.config["code_size"]
        generator = torch.Generator().manual_seed(seed) if seed is not None else None
        if prior["kind"] == "none":
            raise ValueError("this model has no prior to sample from; decode codes of your own")
        noise = torch.randn(n, size, generator=generator)
        if prior["kind"] == "normal":
            return noise
        if prior["kind"] == "sphere":
            return noise / noise.norm(dim=1, keepdim=True)
        if prior["kind"] == "classes":
            drawn = torch.randint(prior["classes"], (n, size // prior["classes"]), generator=generator)
            return F.one_hot(drawn, prior["classes"]).flatten(1).to(torch.float32)
        if prior["kind"] == "grid":
            steps = torch.tensor(prior["steps"], dtype=torch.float32)
            return 2 * torch.floor(torch.rand(n, size, generator=generator) * (steps + 1)) / steps - 1
        if prior["kind"] == "codes":
            total = 0
            for book in (self.array(name).cpu() for name in prior["books"]):
                drawn = torch.randint(len(book), (n, size // book.shape[1]), generator=generator)
                total = total + book[drawn].flatten(1)
            return total
        weights, means, factors = (self.array(f"prior.{k}").cpu() for k in ("weights", "means", "factors"))
        k = torch.multinomial(weights, n, replacement=True, generator=generator)
        spread = factors[k] * noise if factors.ndim == 2 else torch.einsum("nij,nj->ni", factors[k], noise)
        return means[k] + spread

    def array(self, name):
        """A parameter or buffer, by its name in model.safetensors."""
        return getattr(self, name.replace(".", "_"))

    def given(self, context):
        """What the model is conditioned on, (n, context_size); None for a model that is not."""
        size = self.config["context_size"]
        if (context is None) != (size == 0):
            raise ValueError(f"context: this model takes {f'numbers of shape (n, {size})' if size else 'none'}")
        like = self.array("scaling.offset")
        return None if context is None else torch.as_tensor(context, dtype=torch.float32, device=like.device)

    def run(self, steps, x, context):
        """The steps of config.json, one after the other."""
        for step in steps:
            x = self.step(step, x, context)
        return x

    def step(self, step, x, context):
        """One step; x has the examples on its first axis, and the channels of images on its last."""
        op = step["op"]
        if op == "dense":
            return x @ self.array(step["weight"]) + self.array(step["bias"])
        if op == "convolution":
            (above, below), (left, right) = step["pads"]
            x = F.pad(x.permute(0, 3, 1, 2), (left, right, above, below))
            weight = self.array(step["weight"]).permute(3, 2, 0, 1)
            return F.conv2d(x, weight, self.array(step["bias"]), step["stride"]).permute(0, 2, 3, 1)
        if op == "activation":
            return ACTIVATIONS[step["name"]](x)
        if op == "function":
            return FUNCTIONS[step["name"]](x)
        if op == "bounded":
            return step["bound"] * torch.tanh(x / step["bound"])
        if op == "moments":
            mean, raw = x.chunk(2, dim=1)
            return torch.cat([mean, step["bound"] * torch.tanh(raw / step["bound"])], dim=1)
        if op == "affine":
            return x * self.array(step["multiplier"]) + self.array(step["offset"])
        if op == "standard":
            return (x - self.array(step["center"])) / self.array(step["spread"])
        if op == "slice":
            return x[..., step["start"] : step["stop"]]
        if op == "take":
            return x[..., step["index"]]
        if op == "reshape":
            return x.reshape(len(x), *step["shape"])
        if op == "transpose":
            return x.permute(0, *step["axes"])
        if op == "enlarge":
            height, width = step["size"]
            return x.repeat_interleave(2, 1).repeat_interleave(2, 2)[:, :height, :width]
        if op == "softmax":
            return x.softmax(-1)
        if op == "largest":
            return x.argmax(-1).to(x.dtype)
        if op == "sum":
            return x.sum(-1)
        if op == "length_one":
            length = x.norm(dim=1, keepdim=True)
            first = F.one_hot(torch.zeros(len(x), dtype=torch.long, device=x.device), x.shape[1]).to(x.dtype)
            return torch.where(length > 1e-6, x / length.clamp(min=1e-6), first)
        if op == "hot":
            return F.one_hot(x.argmax(-1), x.shape[-1]).to(x.dtype)
        if op == "top":
            kept = x.topk(step["k"], dim=1)
            return torch.zeros_like(x).scatter(1, kept.indices, kept.values)
        if op == "nearest":
            total, left = 0, x
            for book in map(self.array, step["books"]):
                found = book[((book**2).sum(1) - 2 * left @ book.T).argmin(-1)]
                total, left = total + found, left - found
            return total
        if op == "equal":
            return (x.round() == self.array(step["value"])).to(x.dtype)
        if op == "observed":
            return (~x.isnan()).to(x.dtype)
        if op == "filled":
            return torch.where(x.isnan(), self.array(step["value"]), x)
        if op == "context":
            wide = context.reshape(len(x), *[1] * (x.ndim - 2), -1)
            return torch.cat([x, wide.expand(*x.shape[:-1], -1)], dim=-1)
        parts = [self.run(branch, x, context) for branch in step["branches"]]
        if op == "join":
            return torch.cat(parts, dim=-1)
        if op == "multiply":
            return math.prod(parts)
        if op == "add":
            return sum(parts)
        raise ValueError(f'config.json: unknown step "{op}"')


def load(folder=None):
    """The model of a folder with config.json and model.safetensors; by default of this file's own."""
    folder = Path(__file__).parent if folder is None else Path(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return TorchModel(config, load_file(folder / "model.safetensors"))
