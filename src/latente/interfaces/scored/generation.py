"""Samples with the training examples nearest to them, and how their classes are balanced."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from latente.interfaces import maps, sheets
from latente.interfaces.picture import Picture, as_png, as_svg
from latente.interfaces.scored.base import MOST, Kept, Scored, draws


@draws("generation", 20)
def generation(shown: Scored) -> Iterator[Picture]:
    """A sheet a model, for images, and one figure of the classes of all."""
    if shown.data.is_image:
        for kept in shown.kept:
            yield _neighbours(shown, kept)
    classified = [k for k in shown.kept if "class_shares" in k][:MOST]
    if classified and len(shown.data.classes) > 1:
        yield _balance(shown, classified)


def _neighbours(shown: Scored, kept: Kept) -> Picture:
    w, train = shown.words, shown.data.train
    groups = {}
    for group, name in (("first", "sample"), ("alike", "suspect")):
        near, apart = kept.array(f"{name}_neighbours"), kept.array(f"{name}_distances")
        images = shown.data.values(train.x[near.ravel()]).reshape(*near.shape, *shown.data.shape)
        groups[w(f"figure.neighbours.{group}")] = (kept.array(f"{name}s"), images, _ratios(apart))
    (_, first, ratios), (_, _, alike) = groups.values()
    n, copies = int(kept.array("counts")[1]), kept.value("copies") or 0.0
    caption = w(
        "figure.neighbours.caption", name=kept.name, k=first.shape[1], n=w.number(n, ",d"), copies=round(copies * n)
    )
    alt = w(
        "figure.neighbours.alt", name=kept.name, columns=len(ratios), k=first.shape[1],
        least=shown.number(alike.min()), median=shown.number(float(np.median(ratios))),
    )  # fmt: skip
    figure = sheets.neighbours(groups, w, shown.span)
    return as_png(f"neighbours-{kept.name}", figure, caption + shown.seed(kept.model), alt, group=shown.name, wide=True)


def _ratios(distances: np.ndarray) -> np.ndarray:
    return np.where(distances[:, 1] > 0, distances[:, 0] / np.where(distances[:, 1] > 0, distances[:, 1], 1), 0.0)


def _balance(shown: Scored, kept: list[Kept]) -> Picture:
    w, classes = shown.words, shown.data.classes
    reference = kept[0].array("class_reference")
    told = []
    for k in kept:
        gap = 100 * (k.array("class_shares")[:, 0] - reference)
        low, high = int(gap.argmin()), int(gap.argmax())
        told.append(
            w("figure.balance.alt_model", name=k.name, low=classes[low], low_gap=shown.number(gap[low], "+.1f"),
              high=classes[high], high_gap=shown.number(gap[high], "+.1f"))
        )  # fmt: skip
    caption = w("figure.balance.caption", n=w.number(int(kept[0].array("counts")[1]), ",d"), part=shown.part)
    figure = maps.balance({k.name: k.array("class_shares") for k in kept}, reference, classes, w)
    alt = w("figure.balance.alt", models=" ".join(told))
    return as_svg("class-balance", figure, caption + shown.seed(*(k.model for k in kept)), alt, group=shown.name)
