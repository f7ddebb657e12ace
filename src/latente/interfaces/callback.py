"""The notebook's callback: originals above, reconstructions below, after every epoch."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from latente.errors import SpecError
from latente.evaluation import latent
from latente.interfaces.drawing import png
from latente.interfaces.plots import reconstructions
from latente.interfaces.words import Words, default_language
from latente.training.fit import Epoch


class ReconstructionCallback:
    """An ``on_epoch`` hook that draws reconstructions and the epoch's numbers, in a notebook in place of the last.

    Args:
        images: examples to show, shape (n, *shape), as stored or as model values; the first validation images
            where none are given.
        every: draw after every so many epochs.
        lang: "en" or "pt"; by default the user's locale.

    Attributes:
        figure: the last figure drawn.
    """

    def __init__(self, images: NDArray[np.generic] | None = None, *, every: int = 1, lang: str | None = None) -> None:
        if every < 1:
            raise SpecError(f"every: got {every}; allowed: a whole number of at least 1")
        self.images, self.every = images, every
        self.words = Words(lang or default_language())
        self.figure: Figure | None = None

    def __call__(self, epoch: Epoch) -> None:
        """Draw, where this epoch is one to draw."""
        if epoch.number % self.every:
            return
        if self.images is None:
            if epoch.shown is None:
                raise SpecError("ReconstructionCallback: these examples are no images; give none, or another hook")
            originals, rebuilt = epoch.shown
        else:
            originals = np.asarray(self.images)
            if originals.dtype == np.uint8:
                originals = np.asarray(epoch.scale(jnp.asarray(originals)))
            rebuilt = latent.reconstruct(epoch.model, originals)
        self.figure = reconstructions(originals, {epoch.run.name: rebuilt}, self.words)
        _show(self.figure, f"{self.words('epoch')} {epoch.number}/{epoch.epochs}  " + _numbers(epoch.logs))


def _numbers(logs: dict[str, float]) -> str:
    return "  ".join(f"{k} {v:.4f}" for k, v in logs.items() if k != "learning_rate")


def _show(figure: Figure, text: str) -> None:
    try:
        from IPython.display import Image, clear_output, display
    except ImportError:
        print(text)  # noqa: T201
        return
    clear_output(wait=True)
    # As a picture, for a bare figure is drawn only where a notebook has matplotlib's inline mode on.
    display(Image(data=png(figure)))
    print(text)  # noqa: T201
