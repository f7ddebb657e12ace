"""Latents moved one at a time, and what each tells of the factors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from latente.interfaces import maps, sheets
from latente.interfaces.picture import Picture, as_png, as_svg
from latente.interfaces.scored.base import Kept, Scored, draws

TELLS = 0.05
"""Share of a factor's entropy below which a latent is not said to tell of it."""
LOW = 0.01
"""The level of the lowest quantile of a traversal, as `latente.evaluation.traversal.posterior_steps` has it."""


@draws("disentanglement", 40)
def disentanglement(shown: Scored) -> Iterator[Picture]:
    """A traversal and a map a model."""
    for kept in shown.kept:
        if "traversal" in kept:
            yield _traversal(shown, kept)
        yield _information(shown, kept)


def _traversal(shown: Scored, kept: Kept) -> Picture:
    w, factors = shown.words, shown.data.known
    images, latents, change = (kept.array(f"traversal{k}") for k in ("", "_latents", "_change"))
    names = []
    for latent in latents.tolist():
        told = kept.array("information")[latent]
        most = int(told.argmax())
        if told[most] >= TELLS:
            share = w.number(100 * float(told[most]), ".0f")
            names.append(w("figure.traversal.told", number=latent + 1, factor=factors[most].name, share=share))
        else:
            names.append(w("figure.traversal.row", number=latent + 1))
    steps = images.shape[1]
    at = [w.number(100 * q, ".0f") + "%" for q in np.linspace(LOW, 1 - LOW, steps)]
    caption = w("figure.traversal.caption", name=kept.name, part=shown.part) + shown.seed(kept.model)
    ends = {"most": int(latents[change.argmax()]) + 1, "least": int(latents[change.argmin()]) + 1}
    alt = w("figure.traversal.alt", rows=len(latents), name=kept.name, steps=steps, **ends)
    figure = sheets.traversal(images, names, at, w, shown.span)
    return as_png(f"traversal-{kept.name}", figure, caption, alt, group=shown.name, wide=True)


def _information(shown: Scored, kept: Kept) -> Picture:
    w, factors, shares = shown.words, shown.data.known, kept.array("information")
    told = [
        w("figure.information.alt_factor", factor=f.name, number=int(column.argmax()) + 1,
          share=w.number(100 * float(column.max()), ".0f"))
        for f, column in zip(factors, shares.T, strict=True)
    ]  # fmt: skip
    mig = shown.number(kept.value("mig") or 0.0)
    caption = w("figure.information.caption", name=kept.name, mig=mig) + shown.seed(kept.model)
    alt = w("figure.information.alt", latents=len(shares), factors=len(factors), told=" ".join(told))
    figure = maps.information(shares, [f.name for f in factors], w)
    return as_svg(f"information-{kept.name}", figure, caption, alt, group=shown.name)
