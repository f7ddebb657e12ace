"""The notebook's callback: originals above, reconstructions below, after every epoch."""

from __future__ import annotations

import warnings

from matplotlib.figure import Figure

from latente.errors import LatenteWarning, SpecError
from latente.evaluation import latent
from latente.language.words import Words
from latente.report.figures.images import reconstructions
from latente.report.figures.style import png
from latente.training.fit import Epoch


class ReconstructionCallback:
    """An ``on_epoch`` hook that draws reconstructions and the epoch's numbers, in a notebook in place of the last.

    Args:
        images: examples to show, shape (n, *shape), in the data's own units, as `Run.reconstruct` takes them; the
            first validation images where none are given.
        scaled: the images are model values.
        every: draw after every so many epochs.
        lang: "en" or "pt"; by default the user's locale.

    Attributes:
        figure: the last figure drawn.

    Raises:
        DataError: when it is called, images that are not the data's (`latente.data.units.Units.read`).
    """

    def __init__(self, images: object = None, *, scaled: bool = False, every: int = 1, lang: str | None = None) -> None:
        if every < 1:
            raise SpecError(f"every: got {every}; allowed: a whole number of at least 1")
        self.images, self.scaled, self.every = images, scaled, every
        self.words = Words(lang)
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
            originals = epoch.units.read(self.images, scaled=self.scaled)
            if not self.scaled and (doubt := epoch.units.warning(epoch.units.shaped(self.images))):
                warnings.warn(doubt, LatenteWarning, stacklevel=2)
            rebuilt = latent.reconstruct(epoch.model, originals)
        self.figure = reconstructions(originals, {epoch.run.name: rebuilt}, self.words, span=epoch.span)
        numbers = (f"{k} {v:.4f}" for k, v in epoch.logs.items() if k != "learning_rate")
        _show(self.figure, "  ".join([f"{self.words('epoch')} {epoch.number}/{epoch.epochs}", *numbers]))


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
