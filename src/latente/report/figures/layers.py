"""A model's layers with their sizes as a drawing: from an example to its code and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from latente.language.words import Words
from latente.model.autoencoder import Autoencoder
from latente.report.figures.style import BLUE, GREEN, INK, MUTED, ORANGE, WIDTH, plain, style
from latente.spec import ModelSpec, part

HALVING = ("conv", "residual")
"""Networks whose every layer halves an image's sides."""


@dataclass(frozen=True)
class Layer:
    """One box of the drawing.

    Attributes:
        role: "input", "hidden", "parameters" (of the code's distribution), "code" or "output".
        size: as it is written, for instance "28 × 28" or "256".
        count: how many numbers it holds.
        name: what else stands below it: an activation, or what the parameters are.
    """

    role: str
    size: str
    count: int
    name: str = ""


def layers_of(spec: ModelSpec, model: Autoencoder) -> list[Layer]:
    """The layers of a model from left to right, with the sizes that its spec gives them."""
    sides = " × ".join(map(str, model.shape))
    outputs = model.likelihood.outputs(model.shape)
    whole, made = math.prod(model.shape), math.prod(outputs)
    up = _hidden(spec, model.shape)
    down = _hidden(spec, model.shape, mirrored=True)
    size = model.posterior.size(model.latent_dim)
    found = [Layer("input", sides, whole), *up]
    if size != model.code_size:
        found.append(Layer("parameters", str(size), size, part(spec.posterior)[0]))
    found.append(Layer("code", str(model.code_size), model.code_size))
    last = sides if made == whole else " × ".join(map(str, outputs))
    return [*found, *down, Layer("output", last, made, part(spec.likelihood)[0])]


def _hidden(spec: ModelSpec, shape: Sequence[int], *, mirrored: bool = False) -> list[Layer]:
    name = part(spec.network)[0]
    act = spec.activation if spec.activation != "linear" else ""
    if name not in HALVING:
        act = f"{act} ⊙ σ" if name == "gated-mlp" else act
        made = [Layer("hidden", str(n), n, act.strip()) for n in spec.hidden]
        return made[::-1] if mirrored else made
    made, (height, width) = [], shape[:2]
    for channels in spec.hidden:
        height, width = -(-height // 2), -(-width // 2)
        made.append(Layer("hidden", f"{height} × {width} × {channels}", height * width * channels, act))
    return made[::-1] if mirrored else made


def draw(spec: ModelSpec, model: Autoencoder, words: Words) -> Figure:
    """Boxes from left to right, each as high as the logarithm of how many numbers it holds, with its size below."""
    found = layers_of(spec, model)
    colours = {"input": MUTED, "hidden": BLUE, "parameters": ORANGE, "code": ORANGE, "output": GREEN}
    most = math.log1p(max(layer.count for layer in found))
    with style():
        figure = Figure(figsize=(WIDTH, 1.9))
        ax = figure.add_axes((0.01, 0.02, 0.98, 0.96))
        ax.set_axis_off()
        ax.set(xlim=(-0.55, len(found) - 0.45), ylim=(-0.36, 1.3))
        for at, layer in enumerate(found):
            high = 0.16 + 0.84 * math.log1p(layer.count) / most
            box = FancyBboxPatch(
                (at - 0.17, 0.5 - high / 2), 0.34, high, boxstyle="round,pad=0,rounding_size=0.05",
                mutation_aspect=0.4, facecolor=colours[layer.role], edgecolor="none", alpha=0.9,
            )  # fmt: skip
            ax.add_patch(box)
            if at:
                arrow = {"arrowstyle": "-|>", "color": MUTED, "linewidth": 1, "mutation_scale": 8}
                ax.annotate("", (at - 0.2, 0.5), (at - 0.8, 0.5), arrowprops=arrow)
            if layer.role != "hidden":
                ax.text(at, 1.08, words(f"figure.layers.{layer.role}"), ha="center", va="bottom", color=INK, fontsize=8)
            name = layer.name
            if layer.role in ("parameters", "output"):
                key = f"figure.layers.of.{name}"
                name = words(key) if key in words.templates else ""
            ax.text(at, -0.06, plain(layer.size, 18), ha="center", va="top", fontsize=8.5, fontweight="bold")
            ax.text(at, -0.2, plain(name, 18), ha="center", va="top", fontsize=8, color=MUTED)
    return figure


def described(spec: ModelSpec, model: Autoencoder, words: Words) -> str:
    """The same in a sentence, for who cannot see it."""
    found = layers_of(spec, model)
    return words.joined([f"{layer.size} ({words(f'figure.layers.{layer.role}')})" for layer in found])
