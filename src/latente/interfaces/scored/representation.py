"""What a linear probe of the codes mistakes for what."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from latente.interfaces import maps
from latente.interfaces.byclass import MOST_CLASSES
from latente.interfaces.picture import Picture, as_svg
from latente.interfaces.scored.base import Kept, Scored, draws


@draws("representation", 30)
def representation(shown: Scored) -> Iterator[Picture]:
    """A confusion matrix a model, where there are labels and not too many."""
    for kept in shown.kept:
        if "confusion" in kept and len(shown.data.classes) <= MOST_CLASSES:
            yield _confusion(shown, kept)


def _confusion(shown: Scored, kept: Kept) -> Picture:
    w, classes, counts = shown.words, shown.data.classes, kept.array("confusion")
    accuracy, pca = kept.value("probe"), kept.value("probe_pca")
    told = {"name": kept.name, "part": shown.part, "n": w.number(int(counts.sum()), ",d")}
    told["accuracy"] = shown.percent(accuracy or 0.0)
    if pca is None:
        caption = w("figure.confusion.caption_plain", **told)
    else:
        caption = w("figure.confusion.caption", **told, pca=shown.percent(pca))
    figure = maps.confusion(counts, classes, w)
    alt = _seen(shown, counts)
    return as_svg(f"confusion-{kept.name}", figure, caption + shown.seed(kept.model), alt, group=shown.name)


def _seen(shown: Scored, counts: np.ndarray) -> str:
    w, classes = shown.words, shown.data.classes
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = np.where(counts.sum(axis=1) > 0, share.diagonal(), np.nan)
    wrong = share - np.diag(share.diagonal())
    if not wrong.any():
        return w("figure.confusion.none", classes=len(classes))
    best, worst = int(np.nanargmax(right)), int(np.nanargmin(right))
    true, said = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return w(
        "figure.confusion.alt", classes=len(classes), best=classes[best], best_share=shown.percent(right[best]),
        worst=classes[worst], worst_share=shown.percent(right[worst]), true=classes[int(true)],
        said=classes[int(said)], mistaken=shown.percent(wrong.max()),
    )  # fmt: skip
