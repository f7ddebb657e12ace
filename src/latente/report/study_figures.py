"""The figures of a study, each with its caption and a text for who cannot see it.

`FIGURES` lists them in the page's order. To add one: a function in ``figures/`` that draws it from arrays, a function
here that says for which models and in what words, its name in `FIGURES`, and its words in ``study_figures.toml``.
Those of plug-ins come after them, from `latente.report.figures.figures`.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente import plugins
from latente.analysis.conclusions import measures
from latente.analysis.conclusions.measures import NEIGHBOURS
from latente.analysis.conclusions.model_outputs import TRAIN, VALIDATION
from latente.analysis.elbow import known_elbows
from latente.analysis.ranking import Comparison
from latente.analysis.trained_models import Sweep, TrainedModel, by_scale, sweeps, trained_models
from latente.data.split import PARTS, Data
from latente.errors import LatenteError, LatenteWarning
from latente.evaluation import latent
from latente.evaluation.batching import subsample
from latente.evaluation.evaluate import Metric
from latente.evaluation.run import Run
from latente.evaluation.run_data import AbsentData
from latente.evaluation.scores.losses import Distortion
from latente.language.message import phrase
from latente.language.words import Words
from latente.report import scores
from latente.report.data_findings import check_data
from latente.report.figures import (
    animation,
    classes,
    codes,
    columns,
    curves,
    elbow,
    figures,
    forest,
    hero,
    images,
    layers,
    rate_distortion,
)
from latente.report.figures.figure_file import FigureContext, FigureFile, as_png, as_svg, possible
from latente.report.figures.rate_distortion import RatePoint
from latente.report.tables.comparison import caption_and_alt, compared_in, recommendation
from latente.report.tables.names import number_name
from latente.report.tables.numbers import digits, number
from latente.report.tables.results import per_what
from latente.training.fit import SHOWN

GRID = 16
"""Images in a grid of samples."""

SHEET = 10
"""Examples of a class on the sheet of the data, and classes at most."""

HERO_DPI = 160
"""Dots an inch of the pictures at the top, which are small."""

DRAWN_LAYERS = 3
"""Models at most whose layers are drawn: of those of one network, the first."""


def figure_files(runs: Sequence[Run], data: Data, words: Words) -> list[FigureFile]:
    """Every figure that the runs and the data allow; for images, those of the first seed."""
    # Models are run (mostly: compiled) in a thread while figures are drawn, which leaves a processor free.
    with ThreadPoolExecutor(1) as thread:
        study = StudyFigures(runs, data, words, thread)
        drawn = [file for draw in FIGURES for file in possible(draw(study), data)]
        for name in figures:
            drawn += _of_plugin(name, study, {file.file for file in drawn})
    # Those of one group stand together.
    groups = list(dict.fromkeys(file.group for file in drawn))
    return sorted(drawn, key=lambda file: groups.index(file.group))


def _of_plugin(name: str, study: StudyFigures, taken: set[str]) -> list[FigureFile]:
    """The files of a figure that is not latente's; where it fails, a warning says why, and the rest is drawn."""
    try:
        drawn: list[FigureFile] = list(possible(figures[name](study), study.data))
        for file in drawn:
            if file.file in taken or Path(file.file).name != file.file:
                raise ValueError(f"the name of its file, {file.file}, is taken or no plain name")
            taken.add(file.file)
    except LatenteError:
        raise
    except Exception as error:
        if os.environ.get("LATENTE_DEBUG"):
            raise
        why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        whose = plugins.whose("figure", name)
        text = f'figure "{name}" of {whose} is left out of the report: {why}'
        warnings.warn(text, LatenteWarning, stacklevel=3)
        return []
    return drawn


class StudyFigures(FigureContext):
    """The models of a study and what its figures need of them, computed ahead of the drawing.

    Attributes:
        main: the models that are shown by themselves.
        sweeps: by what they are called.
        swept: the models of all sweeps.
    """

    def __init__(self, runs: Sequence[Run], data: Data, words: Words, thread: Executor) -> None:
        super().__init__(trained_models(runs), data, words)
        self.sweeps = _by_kind(sweeps(self.trained))
        self.swept = list(dict.fromkeys(m for sweep in self.sweeps.values() for m in sweep))
        self.main = _alone(self.trained, self.swept)
        self._outputs: dict[tuple[str, str], Future[Any]] = {}
        every = list(dict.fromkeys([*self.main, *self.swept])) if data.is_image else []
        # In the order in which they are drawn.
        self._compute(thread, "errors", _errors, self.main if len(data.classes) else ())
        self._compute(thread, "codes", _codes, self.main)
        self._compute(thread, "places", _places, [m for m in (self.hero,) if data.is_image and has_manifold(m)])
        self._compute(thread, "rebuilt", _rebuilt, every[: len(self.main)])
        self._compute(thread, "manifold", _manifold, [m for m in every if m in self.main and has_manifold(m)])
        self._compute(thread, "rebuilt", _rebuilt, every[len(self.main) :])
        self._compute(thread, "samples", _samples, [m for m in every if m.has_prior])

    @property
    def hero(self) -> TrainedModel:
        """The model at the top: the first whose latent space is a plane, else that generates, else of all."""
        return next(iter([*filter(has_manifold, self.main), *(m for m in self.main if m.has_prior), *self.main]))

    @cached_property
    def comparison(self) -> Comparison | None:
        """The models compared on the test part, as the tables show it."""
        return compared_in([r for m in self.trained for r in m.runs])

    @cached_property
    def every_label(self) -> NDArray[Any] | None:
        """The classes of the validation examples; None where there are none."""
        if isinstance(self.data, AbsentData):
            kept = self.trained[0].first.codes
            return self.data.validation.y if kept is None else kept.get("label", "validation")
        return self.data.validation.y

    @cached_property
    def labels(self) -> NDArray[Any] | None:
        """The same; None where there are too many to draw, too."""
        return self.every_label if len(self.data.classes) <= codes.MOST_CLASSES else None

    @cached_property
    def shown(self) -> NDArray[np.float32]:
        """The first validation examples, as model values."""
        return self.data.values(self.data.validation.x[:SHOWN])

    @cached_property
    def shown_labels(self) -> list[str]:
        """Their classes' names; empty where there are none."""
        y = self.data.validation.y
        return [] if y is None else [self.data.classes[c] for c in y[:SHOWN]]

    def output(self, kind: str, model: TrainedModel) -> Any:
        """What a model made of the data, once it is computed; None where it was not asked for."""
        future = self._outputs.get((kind, model.name))
        return None if future is None else future.result()

    def context(self, model: TrainedModel) -> NDArray[np.float32] | None:
        """What a conditional model is given with the validation examples."""
        return latent.context_of(model.first.model, model.spec, self.data, self.data.validation)

    def _compute(
        self,
        thread: Executor,
        kind: str,
        function: Callable[[StudyFigures, TrainedModel], Any],
        models: Sequence[TrainedModel],
    ) -> None:
        for model in models:
            self._outputs[kind, model.name] = thread.submit(function, self, model)


def has_manifold(model: TrainedModel) -> bool:
    """Whether a grid over its latents can be drawn: two Euclidean ones, and nothing that is given with them."""
    made = model.first.model
    return model.has_prior and made.code_size == 2 and made.posterior.space == "euclidean" and not made.context_size


def _by_kind(found: Sequence[Sweep]) -> dict[str, Sweep]:
    """Sweeps by the kind of their models, with the first one's name where kinds are equal."""
    kinds = [s[0].kind for s in found]
    return {k if kinds.count(k) == 1 else f"{k} ({s[0].name} …)": s for k, s in zip(kinds, found, strict=True)}


def _alone(trained: Sequence[TrainedModel], swept: Sequence[TrainedModel]) -> list[TrainedModel]:
    """The models shown by themselves: the first with a prior, the first without, and all outside of sweeps."""
    firsts = [next((m for m in trained if m.has_prior == prior), None) for prior in (True, False)]
    return [m for m in trained if m in firsts or m not in swept]


def _errors(study: StudyFigures, model: TrainedModel) -> NDArray[np.float32]:
    return model.first.per_example("validation")["reconstruction"]


def _codes(study: StudyFigures, model: TrainedModel) -> NDArray[np.float32]:
    kept = model.first.codes
    if isinstance(study.data, AbsentData) and kept is not None:
        return kept.of_examples["mean.validation"]
    return latent.encode(model.first.model, study.data.values(study.data.validation.x), study.context(model))


def _rebuilt(study: StudyFigures, model: TrainedModel) -> NDArray[np.float32]:
    made, context = model.first.model, study.context(model)
    few = None if context is None else context[:SHOWN]
    z = study.output("codes", model)
    z = latent.encode(made, study.shown, few) if z is None else z[:SHOWN]
    # As many codes as a grid of samples, so that one compiled decoder serves both.
    fill = np.arange(GRID) % len(z)
    return latent.decode(made, z[fill], None if few is None else few[fill])[: len(z)]


def _places(study: StudyFigures, model: TrainedModel) -> tuple[NDArray[np.float32], hero.Ends]:
    at, ends = hero.places(study.output("codes", model), hero.side_of(study.data.shape))
    return latent.decode(model.first.model, at), ends


def _right(study: StudyFigures, model: TrainedModel) -> float | None:
    """The share of the validation codes whose nearest training codes vote for the right class, as conclusions count."""
    data = study.data
    if isinstance(data, AbsentData) or data.validation.y is None or data.train.y is None or len(data.classes) < 2:
        return None
    own, other = (
        subsample(len(data.validation), VALIDATION, 0, permuted=True),
        subsample(len(data.train), TRAIN, 0, permuted=True),
    )
    made, context = model.first.model, latent.context_of(model.first.model, model.spec, data, data.train)
    near = latent.encode(made, data.values(data.train.x[other]), None if context is None else context[other])
    codes_of = np.asarray(study.output("codes", model))[own]
    found = measures.neighbours(codes_of, near, data.train.y[other], len(data.classes))
    return float(found.right(data.validation.y[own]).mean())


def _manifold(study: StudyFigures, model: TrainedModel) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return latent.manifold(model.first.model)


def _samples(study: StudyFigures, model: TrainedModel) -> NDArray[np.float32]:
    """A grid of samples; of a conditional model, as the first validation examples are conditioned."""
    context = study.context(model) if model.first.model.is_conditional else None
    return latent.sample(model.first.generator, GRID, seed=0, context=None if context is None else context[:GRID])


def heroes(study: StudyFigures) -> Iterator[FigureFile]:
    """The pictures at the top: a map of codes over what they decode to, and for images reconstructions and samples."""
    w, model = study.words, study.hero
    z = np.asarray(study.output("codes", model))
    few = subsample(len(z), VALIDATION, 0)
    labels = None if study.every_label is None else study.every_label[few]
    fields = {"name": model.name, "n": w.number(len(few), ",d"), "data": study.data.name}
    if study.output("places", model) is not None:
        decoded, ends = study.output("places", model)
        figure, key = hero.latent_map(z[few], labels, study.data.classes, decoded, ends, w, study.span), "map"
    else:
        figure, key = codes.codes(z[few], labels, study.data.classes, w), "codes"
    grey = key == "codes" or len(study.data.shape) == 2
    texts = study.texts(f"figure.hero.{key}", model, **fields)
    yield as_png("hero-map", figure, *texts, group="hero", dpi=HERO_DPI, is_chart=grey)
    if study.data.is_image:
        rows = np.concatenate([study.shown, study.output("rebuilt", model)])
        texts = study.texts("figure.hero.rebuilt", model, **fields)
        figure = images.samples({"": rows}, study.span, len(study.shown))
        yield as_png("hero-reconstructions", figure, *texts, group="hero", dpi=HERO_DPI)
        if model.has_prior:
            texts = study.texts("figure.hero.samples", model, **fields)
            figure = images.samples({"": study.output("samples", model)}, study.span)
            yield as_png("hero-samples", figure, *texts, group="hero", dpi=HERO_DPI)


def data_sheet(study: StudyFigures) -> Iterator[FigureFile]:
    """Training images: some of each class, or the first where there are no classes."""
    data, w = study.data, study.words
    if not data.is_image:
        return
    x, y, names = data.train.x, data.train.y, data.classes
    fields: dict[str, Any] = {"data": data.name, "total": w.number(sum(len(data.part(p)) for p in PARTS), ",d")}
    fields |= {"classes": len(names), "train": w.number(len(data.train), ",d")}
    present = [] if y is None else [c for c in range(len(names)) if (y == c).any()][:SHEET]
    if y is None or not present:
        few = data.values(x[: 3 * SHEET])
        figure = images.samples({"": few}, study.span, min(SHEET, len(few)))
        caption, alt = w("figure.sheet.plain", **fields), w("figure.sheet.alt_plain", n=len(few), **fields)
        yield as_png("data", figure, caption, alt, group="data", finding=w("figure.sheet.finding_plain", **fields))
        return
    across = min(SHEET, *(int((y == c).sum()) for c in present))
    rows = [data.values(x[np.flatnonzero(y == c)[:across]]) for c in present]
    figure = images.image_grid([images.ImageRows([names[c] for c in present], rows)], study.span, tight=True)
    counts = np.bincount(y, minlength=len(names))
    least, most = int(counts.argmin()), int(counts.argmax())
    even = "even" if counts[least] == counts[most] else "uneven"
    of = {"least": names[least], "most": names[most], "low": int(counts[least]), "high": int(counts[most])}
    finding = w(f"figure.sheet.finding_{even}", **fields, **of)
    caption = w("figure.sheet.caption" if len(present) == len(names) else "figure.sheet.first", n=across, **fields)
    alt = w("figure.sheet.alt", n=across, rows=w.joined([names[c] for c in present]), **fields)
    yield as_png("data", figure, caption, alt, group="data", finding=finding)


def data_faults(study: StudyFigures) -> Iterator[FigureFile]:
    """Copies across the parts and labels that are likely wrong, where the rules find them."""
    found = check_data(study.data, lang=study.words.language)
    codes_of = {c.code: c for c in found.found}
    pictures = found.figures() if codes_of.keys() & {"LT001", "LT006"} else {}
    for name, code in (("copies", "LT001"), ("labels", "LT006")):
        if code in codes_of and name in pictures:
            claim, alt = codes_of[code], study.words(f"data_findings.alt_{name}")
            said = " ".join(claim.evidence)
            yield as_png(f"data-{name}", pictures[name], said, alt, group="data", finding=f"{code}: {claim.text}")


def model_layers(study: StudyFigures) -> Iterator[FigureFile]:
    """The layers of the models that are shown by themselves, once for each network and kind of code."""
    w, shown = study.words, list[TrainedModel]()
    for model in study.main:
        if not any(_built_alike(model, other) for other in shown):
            shown.append(model)
    for model in shown[:DRAWN_LAYERS]:
        made = model.first.model
        inputs, n = int(np.prod(study.data.shape)), made.parameters()
        finding = w("figure.layers.finding", name=model.name, parameters=n, inputs=inputs, latents=made.code_size)
        alike = [m.name for m in study.trained if m is not model and _built_alike(m, model)]
        caption = w("figure.layers.caption")
        if alike:
            caption += " " + w("figure.layers.same", names=w.joined(alike))
        alt = w("figure.layers.alt", name=model.name, layers=layers.described(model.spec, made, w))
        figure = layers.draw(model.spec, made, w)
        yield as_svg(f"layers-{model.name}", figure, caption, alt, group="model", wide=True, finding=finding)


def _built_alike(first: TrainedModel, second: TrainedModel) -> bool:
    a, b = first.spec, second.spec
    return (a.network, a.posterior, len(a.hidden)) == (b.network, b.posterior, len(b.hidden))


def loss_curves(study: StudyFigures) -> Iterator[FigureFile]:
    """Losses over the epochs, a figure for each model."""
    w = study.words
    for model in study.main:
        histories = model.histories
        epochs = model.epochs[0]
        ends = (("first", 0), ("last", epochs - 1))
        means = {f"{k}_{end}": float(np.mean([h[k][at] for h in histories])) for k in histories[0] for end, at in ends}
        caption = w("figure.curves.caption", name=model.name)
        if curves.is_cut(histories):
            caption += " " + w("figure.curves.cut")
        if len(histories) > 1:
            caption += " " + w("figure.curves.seeds", seeds=len(histories))
        alt = w(f"figure.curves.alt_{study.unit}", name=model.name, epochs=epochs, **means)
        if model.has_prior:
            parts = {"reconstruction": means["val_reconstruction_last"], "kl": means["val_kl_last"]}
            alt += " " + w("figure.curves.alt_parts", **parts)
        figure, over = (
            curves.curves(histories, w, unit=study.unit),
            np.mean([h["val_loss"] for h in _equal(histories)], axis=0),
        )
        best = int(np.argmin(over)) if np.isfinite(over).all() else 0
        course = {"first": float(over[0]), "low": float(over[best]), "best": best + 1, "epochs": len(over)}
        finding = w(f"figure.curves.finding_{study.unit}", name=model.name, **course)
        file = f"curves-{model.name}"
        yield as_svg(file, figure, caption, alt, group="training", wide=model.has_prior, finding=finding)


def class_errors(study: StudyFigures) -> Iterator[FigureFile]:
    """Reconstruction errors by class: a figure for each scale that models have them on."""
    if study.labels is None:
        return
    present = [c for c in range(len(study.data.classes)) if (study.labels == c).any()]
    for at, models in enumerate(by_scale(study.main, Distortion()).values()):
        yield _class_errors(study, models, present, f"classes-{at + 1}" if at else "classes")


def _class_errors(study: StudyFigures, models: Sequence[TrainedModel], present: list[int], file: str) -> FigureFile:
    w, labels, names = study.words, study.labels, study.data.classes
    assert labels is not None
    errors = {model.name: study.output("errors", model) for model in models}
    alt = [w(f"figure.class.alt_{study.unit}")]
    hardest: dict[str, list[str]] = {}
    for name, values in errors.items():
        means, _ = classes.class_means(values, labels, present)
        least, most = int(means.argmin()), int(means.argmax())
        hardest.setdefault(names[present[most]], []).append(name)
        alt.append(
            w("figure.class.alt_model", name=name, least=names[present[least]], low=float(means[least]),
              most=names[present[most]], high=float(means[most]))
        )  # fmt: skip
    figure = classes.class_errors(errors, labels, names, w, unit=study.unit)
    each = [w("figure.class.hard", name=name, models=w.joined(of)) for name, of in hardest.items()]
    finding = w("figure.class.finding", each=w.joined(each))
    caption = w("figure.class.caption") + study.seed(*models)
    return as_svg(file, figure, caption, " ".join(alt), group="reconstructions", finding=finding)


def reconstructions(study: StudyFigures) -> Iterator[FigureFile]:
    """The first validation images as the models that are shown by themselves reconstruct them."""
    if study.data.is_image:
        yield _reconstructions(study, study.main, "reconstructions", "reconstructions")


def animations(study: StudyFigures) -> Iterator[FigureFile]:
    """Reconstructions after each epoch, an animation for each model that can generate."""
    w = study.words
    for model in study.main if study.data.is_image else ():
        run = model.first
        if not model.has_prior or run.frames is None:
            continue
        planned, trained = run.spec.train.epochs_for(len(study.data.train)), len(run.history["loss"])
        moving, still = animation.animate(
            run.frames, study.shown, study.words, study.span, name=model.name, planned=planned, trained=trained
        )
        texts = study.texts("figure.animation", model, name=model.name, n=len(study.shown), epochs=trained)
        size = animation.size(moving)
        finding, done = "", measures.epochs_to(run.history["val_loss"])
        if np.isfinite(done):
            finding = w("figure.animation.finding", name=model.name, done=int(np.ceil(done)), epochs=trained)
        file = f"film-{model.name}.webp"
        yield FigureFile(file, "image/webp", moving, size, *texts, "training", True, still, finding)


def samples_and_manifolds(study: StudyFigures) -> Iterator[FigureFile]:
    """Samples of each model that can generate, followed by the images over its two latents where it has just two."""
    for model in study.main if study.data.is_image else ():
        if model.has_prior:
            texts = study.texts("figure.samples", model, name=model.name, n=GRID, latents=model.latents)
            figure = images.samples({"": study.output("samples", model)}, study.span)
            yield as_png(f"samples-{model.name}", figure, *texts, group="samples")
        if has_manifold(model):
            grid, at = study.output("manifold", model)
            ends = {"low": study.number(at[0]), "high": study.number(at[-1])}
            texts = study.texts("figure.manifold", model, name=model.name, side=len(at), **ends)
            figure = images.manifold(grid, at, study.words, study.span)
            yield as_png(f"manifold-{model.name}", figure, *texts, group="latent")


def column_figures(study: StudyFigures) -> Iterator[FigureFile]:
    """For tables: each column beside its reconstruction, and its distribution beside what a model draws."""
    data, w = study.data, study.words
    if data.is_image or len(data.shape) != 1:
        return
    x = data.values(data.validation.x)
    names = [c.name for c in data.features] or [str(i) for i in range(data.shape[0])]
    categories = [c.categories for c in data.features] or [()] * data.shape[0]
    own = np.asarray(data.units.restored(x), np.float64)

    def pairs(made: NDArray[np.float32]) -> list[columns.ColumnPair]:
        values, found = np.asarray(data.units.restored(made), np.float64), []
        for j, name in enumerate(names):
            seen = ~np.isnan(x[:, j])
            known = np.isfinite(values[seen, j])
            if known.any():
                column = own[seen, j][known], values[seen, j][known]
                found.append(columns.ColumnPair(name, tuple(categories[j]), *column))
        return found

    for model in study.main:
        made, context = model.first.model, study.context(model)
        n = {"name": model.name, "columns": len(names), "n": w.number(len(x), ",d")}
        found = sorted(pairs(latent.decode(made, study.output("codes", model), context)), key=lambda c: c.agreement)
        if found:
            most, least = found[-1], found[0]
            ends = {"best": most.name, "worst": least.name, "high": most.agreement, "low": least.agreement}
            finding = w("figure.columns.finding_rebuilt", **n, **ends)
            texts = study.texts("figure.columns.rebuilt", model, shown=min(len(found), columns.MOST), **n)
            figure, file = columns.rebuilt(found[: columns.MOST], w), f"columns-{model.name}"
            yield as_png(file, figure, *texts, group="reconstructions", finding=finding, wide=True, is_chart=True)
        if not model.has_prior or (made.context_size and context is None):
            continue
        generator = model.first.generator
        context = latent.sample_context(generator, len(x), 0) if context is None else context
        z = latent.sample_codes(generator, len(x), seed=0)
        found = sorted(pairs(latent.draw(generator, z, context, seed=0)), key=lambda c: -c.distance)
        if found:
            ends = {"worst": found[0].name, "best": found[-1].name}
            ends |= {"high": study.number(found[0].distance), "low": study.number(found[-1].distance)}
            finding = w("figure.columns.finding_drawn", **n, **ends)
            texts = study.texts("figure.columns.drawn", model, shown=min(len(found), columns.MOST), **n)
            figure = columns.marginals(
                found[: columns.MOST], (w("figure.columns.data_axis"), w("figure.columns.drawn_by", **n)), w
            )
            yield as_svg(f"marginals-{model.name}", figure, *texts, group="samples", finding=finding, wide=True)


def code_maps(study: StudyFigures) -> Iterator[FigureFile]:
    """Codes on a plane, a figure for each model."""
    w, labels, names = study.words, study.every_label, study.data.classes
    for model in study.main:
        z = study.output("codes", model)
        points, axes = codes.plane(np.asarray(z, np.float64), w)
        ends = [
            w("figure.codes.axis", axis=axis, low=study.number(p.min()), high=study.number(p.max()))
            for axis, p in zip(axes, points.T, strict=True)
        ]
        values = {"name": model.name, "n": w.number(len(z), ",d"), "latents": model.latents}
        caption = w("figure.codes.caption" if len(axes) == model.latents else "figure.codes.projected", **values)
        alt = w("figure.codes.alt", **values, axes=w.joined(ends))
        if labels is not None:
            caption += " " + w("figure.codes.labels" if len(axes) == 2 else "figure.codes.rows")
            alt += " " + w("figure.codes.alt_labels", classes=len(names))
        right, finding = _right(study, model), ""
        if right is not None:
            share = w.number(100 * right, ".1f")
            finding = w("figure.codes.finding", name=model.name, right=share, neighbours=NEIGHBOURS)
        figure, caption = codes.codes(z, labels, names, w), caption + study.seed(model)
        yield as_png(f"codes-{model.name}", figure, caption, alt, group="latent", finding=finding, is_chart=True)


def sweep_losses(study: StudyFigures) -> Iterator[FigureFile]:
    """Losses over the epochs at each latent size."""
    w = study.words
    if not study.sweeps:
        return
    families = {name: {m.latents: m.histories for m in sweep} for name, sweep in study.sweeps.items()}
    every = [m.histories for m in study.swept]
    caption = w("figure.sweep.caption_prior" if all(m.has_prior for m in study.swept) else "figure.sweep.caption")
    if curves.is_cut(*every, parts=("loss",)):
        caption += " " + w("figure.sweep.cut")
    if max(map(len, every)) > 1:
        caption += " " + w("figure.curves.seeds", seeds=max(map(len, every)))
    ends = {
        name: {size: float(np.mean([h["val_loss"][-1] for h in histories])) for size, histories in family.items()}
        for name, family in families.items()
    }
    alt = w(f"figure.sweep.alt_{study.unit}") + " " + _by_size(ends, w)
    figure, finding = curves.sweep_curves(families, w, unit=study.unit), _from_to("loss", ends, w)
    yield as_svg("sweep-curves", figure, caption, alt, group="sizes", wide=True, finding=finding)


def sweep_parts(study: StudyFigures) -> Iterator[FigureFile]:
    """The validation loss and its parts against the latent size."""
    w = study.words
    if not study.sweeps or not all("validation" in m.first.metrics for m in study.swept):
        return
    lines: dict[str, dict[int, Metric]] = {}
    for name, sweep in study.sweeps.items():
        for part in ("loss", "reconstruction", "kl") if sweep[0].has_prior else ("reconstruction",):
            values = {m.latents: m.metric("validation", part) for m in sweep}
            called = "KL" if part == "kl" else w(f"figure.series.{part}").lower()
            lines[w("figure.sweep.line", name=name, part=called)] = {s: v for s, v in values.items() if v is not None}
    seeds = [len(m.runs) for m in study.swept]
    several = max(seeds) > 1
    caption = w("figure.parts.caption_seeds", seeds=max(seeds)) if several else w(f"figure.parts.caption_{study.unit}")
    numbers = {name: {size: m.value for size, m in line.items()} for name, line in lines.items()}
    alt = w(f"figure.parts.alt_{study.unit}") + " " + _by_size(numbers, w)
    figure, finding = curves.sweep_parts(lines, w, unit=study.unit, seeds=min(seeds)), _from_to("part", numbers, w)
    yield as_svg("sweep-parts", figure, caption, alt, group="sizes", wide=True, finding=finding)


def elbows(study: FigureContext) -> Iterator[FigureFile]:
    """Which latent size is enough, a figure for each sweep that can be judged."""
    for curve in known_elbows(r for m in study.trained for r in m.runs):
        caption, alt = caption_and_alt(curve, study.words)
        figure = elbow.draw(curve, study.words)
        finding, file = recommendation(curve, study.words), f"elbow-{curve.models[0]}"
        yield as_svg(file, figure, caption, alt, group="sizes", wide=True, finding=finding)


def sweep_reconstructions(study: StudyFigures) -> Iterator[FigureFile]:
    """The first validation images as the models of the sweeps reconstruct them."""
    if study.sweeps and study.data.is_image:
        yield _reconstructions(study, study.swept, "reconstructions-sweep", "sizes")


def sweep_samples(study: StudyFigures) -> Iterator[FigureFile]:
    """Samples at each latent size, a figure for each sweep of models that can generate."""
    w = study.words
    for name, sweep in study.sweeps.items() if study.data.is_image else ():
        if sweep[0].has_prior:
            grids = {curves.latents(w, m.latents): study.output("samples", m) for m in sweep}
            sizes = w.joined([str(m.latents) for m in sweep])
            caption = w("figure.samples.sweep_caption", name=name, n=GRID) + study.seed(*sweep)
            alt = w("figure.samples.sweep_alt", name=name, n=GRID, sizes=sizes)
            file = "samples-sweep" if name == "VAE" else f"samples-sweep-{sweep[0].name}"
            yield as_png(file, images.samples(grids, study.span), caption, alt, group="sizes", wide=True)


def forests(study: StudyFigures) -> Iterator[FigureFile]:
    """How far every model is behind the best, by each number that ranks them."""
    found, w = study.comparison, study.words
    for number_of, ranking in enumerate(found.boards if found else (), 1):
        assert found is not None
        best = ranking.entries[0].model
        gaps = tuple(g for g in ranking.gaps if g.first == best)
        behind, ties = [g.second for g in gaps if g.better], [g.second for g in gaps if not g.better]
        fields = {"best": best, "count": len(ranking.entries), "column": number_name(ranking.column, w)}
        fields |= {"behind": w.joined(behind), "ties": w.joined(ties)}
        key = "all" if not ties else "some" if behind else "none"
        finding = w(f"figure.forest.finding_{key}", **fields)
        level, scale = f"{100 * found.level:g}", phrase(ranking.scale, w)
        part = w(f"report.part.{found.split}")
        caption = w("figure.forest.caption", part=part, level=level, total=found.comparisons, scale=scale, **fields)
        alt = w("figure.forest.alt", finding=finding, **fields)
        # Each number by itself, and of all pairs only those with the best: the table has the others.
        figure = forest.plot_comparison(replace(found, boards=(replace(ranking, gaps=gaps),)), w.language)
        file = f"differences-{ranking.column}" + ("" if number_of == 1 else f"-{number_of}")
        yield as_svg(file, figure, caption, alt, group="comparison", wide=True, finding=finding)


def rates_and_distortions(study: FigureContext, split: str = "test") -> Iterator[FigureFile]:
    """The rate–distortion plane of models that differ in β alone, where there are enough for a curve."""
    w = study.words
    series = rate_distortion.beta_curves(study.trained, split, w)
    if not series:
        return
    best = min((p for line in series.values() for p in line), key=lambda p: p.total)
    seeds = max(len(m.runs) for m in study.trained)
    caption = w("figure.rates.caption", part=w(f"report.part.{split}"))
    if seeds > 1:
        caption += " " + w("figure.rates.seeds", seeds=seeds)

    def nats(value: float, point: RatePoint) -> str:
        return number(w, value, min(2, digits([point.rate.standard_error, point.distortion.standard_error])))

    lines = []
    for name, line in series.items():
        points = [
            w("figure.rates.alt_point", label=p.label, rate=nats(p.rate.value, p),
              distortion=nats(p.distortion.value, p))
            for p in line
        ]  # fmt: skip
        lines.append(w("figure.rates.alt_line", name=name, points=w.joined(points)))
    alt = w(f"figure.rates.alt_{study.unit}", lines=" ".join(lines), best=best.label, total=nats(best.total, best))
    figure = rate_distortion.plane(series, w, unit=study.unit)
    finding = w("figure.rates.finding", best=best.label, total=nats(best.total, best))
    yield as_svg("rate-distortion", figure, caption, alt, group="comparison", wide=True, finding=finding)


def score_figures(study: StudyFigures) -> Iterator[FigureFile]:
    """What the scores that were asked for have kept."""
    return scores.figure_files(study.main, study.data, study.words)


FIGURES: tuple[Callable[[StudyFigures], Iterator[FigureFile]], ...] = (
    heroes,
    data_sheet,
    data_faults,
    model_layers,
    loss_curves,
    animations,
    reconstructions,
    class_errors,
    samples_and_manifolds,
    column_figures,
    code_maps,
    elbows,
    sweep_parts,
    sweep_losses,
    sweep_reconstructions,
    sweep_samples,
    forests,
    rates_and_distortions,
    score_figures,
)
"""The figures of a study in the page's order; each gives as many as the study allows."""


def _reconstructions(study: StudyFigures, models: Sequence[TrainedModel], file: str, group: str) -> FigureFile:
    w, n = study.words, len(study.shown)
    rows = {m.name: study.output("rebuilt", m) for m in models}
    figure = images.reconstructions(study.shown, rows, w, study.shown_labels, study.span)
    caption = w("figure.reconstructions.caption", n=n) + study.seed(*models)
    named = [w("figure.reconstructions.row", name=m.name, latents=m.latents) for m in models]
    alt = w("figure.reconstructions.alt", n=n, rows=w.joined([w("figure.row.original"), *named]))
    if study.shown_labels:
        caption += " " + w("figure.reconstructions.labels")
        alt += " " + w("figure.reconstructions.alt_labels", labels=", ".join(study.shown_labels))
    return as_png(file, figure, caption, alt, group=group, wide=True, finding=_closest(study, models))


def _closest(study: StudyFigures, models: Sequence[TrainedModel]) -> str:
    """Which model rebuilds the test part best and which worst, by the one number that compares any of them."""
    w, per = study.words, per_what(study.words, study.data.shape)
    known = sorted(((m.metric("test", "mse"), m.name) for m in models if m.metric("test", "mse")), key=_value_first)
    if not known:
        return ""
    (least, best), (most, worst) = known[0], known[-1]
    places = digits([v.standard_error or v.value / 10 for v, _ in known if v])
    assert least is not None and most is not None
    low, high = number(w, least.value, places), number(w, most.value, places)
    key = "figure.reconstructions.finding" + ("" if len(known) > 1 else "_alone")
    return w(key, best=best, low=low, worst=worst, high=high, per=per)


def _value_first(known: tuple[Metric | None, str]) -> tuple[float, str]:
    return (known[0].value if known[0] else 0.0, known[1])


def _equal(histories: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Histories cut to the shortest of them, so that their epochs can be averaged."""
    shortest = min(len(h["val_loss"]) for h in histories)
    return [{k: v[:shortest] for k, v in h.items()} for h in histories]


def _from_to(kind: str, lines: Mapping[str, Mapping[int, float]], words: Words) -> str:
    """How each line goes from the smallest latent size over its lowest value to the largest, in one sentence."""
    each = []
    for name, line in lines.items():
        sizes = sorted(line)
        first, last = sizes[0], sizes[-1]
        fields = {"name": name, "first": first, "last": last, "before": line[first], "after": line[last]}
        each.append(words("figure.sweep.from_to", **fields))
    return words(f"figure.sweep.finding_{kind}", each="; ".join(each))


def _by_size(lines: Mapping[str, Mapping[int, float]], words: Words) -> str:
    """Lines of values against the latent size, in a sentence each."""
    return " ".join(
        words("figure.sweep.alt_line", name=name,
              values=words.joined([words("figure.sweep.alt_value", size=s, value=v) for s, v in line.items()]))
        for name, line in lines.items()
    )  # fmt: skip
