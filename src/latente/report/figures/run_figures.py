"""One run as a figure: its training, reconstructions, samples or codes."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.figure import Figure

from latente.data.units import span_of
from latente.errors import DataError, SpecError, unknown
from latente.evaluation import latent
from latente.evaluation.run import Run
from latente.language.words import Words
from latente.report.figures.codes import MOST_CLASSES, codes
from latente.report.figures.curves import curves
from latente.report.figures.images import reconstructions, samples
from latente.report.figures.style import shown
from latente.training.fit import SHOWN

GRID = 16
"""Images in a grid of samples."""


def plot_run(run: Run, what: str = "training", lang: str | None = None) -> Figure:
    """A figure of one run.

    Args:
        run: a trained model.
        what: "training", its losses over the epochs; "reconstructions" of the first validation images below them;
            "samples" from the prior, for images; or "codes" of the validation examples, by class where there are any.
            All but the first and the samples need the run's data.
        lang: "en" or "pt"; by default the user's locale.

    Raises:
        SpecError: another figure or language, or samples of a model without a prior.
        DataError: images are asked for and the examples are none; or the data is gone.
    """
    if what not in DRAWN:
        raise SpecError(unknown("figure", what, DRAWN))
    return shown(DRAWN[what](run, Words(lang)))


def _training(run: Run, words: Words) -> Figure:
    return curves([run.history], words, unit="image" if _is_image(run) else "example")


def _reconstructions(run: Run, words: Words) -> Figure:
    span, data = _span(run), run.data
    x, y = data.validation.x[:SHOWN], data.validation.y
    given = latent.context_of(run.model, run.spec.model, data, data.validation)
    rebuilt = latent.reconstruct(run.model, data.values(x), None if given is None else given[: len(x)])
    labels = [] if y is None else [data.classes[c] for c in y[:SHOWN]]
    return reconstructions(data.values(x), {run.spec.name: rebuilt}, words, labels, span)


def _samples(run: Run, words: Words) -> Figure:
    span = _span(run)
    context = None
    if run.model.is_conditional:
        found = latent.context_of(run.model, run.spec.model, run.data, run.data.validation)
        context = None if found is None else found[:GRID]
    count = GRID if context is None else len(context)
    return samples({run.spec.name: latent.sample(run.generator, count, seed=0, context=context)}, span)


def _codes(run: Run, words: Words) -> Figure:
    data = run.data
    context = latent.context_of(run.model, run.spec.model, data, data.validation)
    z = latent.encode(run.model, data.values(data.validation.x), context)
    labels = data.validation.y if len(data.classes) <= MOST_CLASSES else None
    return codes(z, labels, data.classes, words)


def _is_image(run: Run) -> bool:
    shape = run.card["shape"]
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3))


def _span(run: Run) -> tuple[float, float]:
    if not _is_image(run):
        shape = " × ".join(map(str, run.card["shape"]))
        raise DataError(f"plot: the examples have shape {shape}; allowed: images, for reconstructions and samples")
    low, high = run.card["range"]
    return span_of(low, high)


DRAWN: dict[str, Callable[[Run, Words], Figure]] = {
    "training": _training,
    "reconstructions": _reconstructions,
    "samples": _samples,
    "codes": _codes,
}
"""By the names that `plot_run` takes."""
