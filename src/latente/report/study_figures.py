"""The figures of a study: which there are, as files, each with a caption and a text for who cannot see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.analysis.elbow import known_elbows
from latente.analysis.trained_models import Sweep, TrainedModel, sweeps, trained_models
from latente.data.split import Data
from latente.data.units import span_of
from latente.evaluation import latent
from latente.evaluation.evaluate import Metric
from latente.evaluation.run import Run
from latente.language.words import Words
from latente.report import scores as scored
from latente.report.figures import animation, codes, curves, elbow, images, rate_distortion
from latente.report.figures.classes import class_errors, class_means
from latente.report.figures.figure_file import Picture, as_png, as_svg
from latente.training.fit import SHOWN

GRID = 16


def pictures(runs: Sequence[Run], data: Data, words: Words) -> list[Picture]:
    """Every figure that the runs and the data allow; for images, those of the first seed."""
    # Models are run (mostly: compiled) beside the drawing, which leaves a processor free.
    with ThreadPoolExecutor(1) as beside:
        return list(_Album(runs, data, words, beside).all())


def has_manifold(model: TrainedModel) -> bool:
    """Whether a grid over its latents can be drawn: two Euclidean ones, and nothing beside them."""
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


class _Album:
    def __init__(self, runs: Sequence[Run], data: Data, words: Words, beside: Executor) -> None:
        self.trained = trained_models(runs)
        self.sweeps = _by_kind(sweeps(self.trained))
        self.main = _alone(self.trained, [m for s in self.sweeps.values() for m in s])
        self.data, self.words = data, words
        self.unit = "image" if data.is_image else "example"
        self.span = span_of(*runs[0].card["range"])
        self.labels = data.validation.y
        self.has_errors = self.labels is not None and len(data.classes) <= codes.MOST_CLASSES
        self.shown = data.values(data.validation.x[:SHOWN])
        self.shown_labels = [] if self.labels is None else [data.classes[c] for c in self.labels[:SHOWN]]
        self.found: dict[tuple[str, str], Future[Any]] = {}
        self.start(beside)

    def start(self, beside: Executor) -> None:
        """Have the models do all that will be drawn, in the order of the drawing."""
        swept = [m for s in self.sweeps.values() for m in s]
        validation = self.data.values(self.data.validation.x)
        for m in self.main if self.has_errors else ():
            self.found["errors", m.name] = beside.submit(self.errors, m.first)
        for m in self.main:
            context = self.beside(m.first)
            self.found["codes", m.name] = beside.submit(latent.encode, m.first.model, validation, context)
        if self.data.is_image:
            for m in self.main:
                self.found["rebuilt", m.name] = beside.submit(self.rebuild, m)
        for m in self.main:
            if has_manifold(m) and self.data.is_image:
                self.found["manifold", m.name] = beside.submit(latent.manifold, m.first.model)
        if self.data.is_image:
            for m in swept:
                if ("rebuilt", m.name) not in self.found:
                    self.found["rebuilt", m.name] = beside.submit(self.rebuild, m)
            for m in [*self.main, *swept]:
                if m.has_prior:
                    self.found["samples", m.name] = beside.submit(self.sampled, m.first)

    def all(self) -> Iterator[Picture]:
        for model in self.main:
            yield self.curves(model)
        if self.has_errors:
            yield self.class_errors()
        if self.data.is_image:
            yield self.reconstructions("models", self.main)
            for model in self.main:
                if model.has_prior and model.first.frames is not None:
                    yield self.film(model)
            for model in self.main:
                if model.has_prior:
                    yield self.samples(model)
                if has_manifold(model):
                    yield self.manifold(model)
        for model in self.main:
            yield self.codes(model)
        if self.sweeps:
            yield self.sweep_curves()
            if all("validation" in m.first.metrics for s in self.sweeps.values() for m in s):
                yield self.sweep_parts()
            for curve in known_elbows(r for m in self.trained for r in m.runs):
                yield elbow.picture(curve, self.words)
            if self.data.is_image:
                swept = {m.name: m for s in self.sweeps.values() for m in s}
                yield self.reconstructions("sweep", list(swept.values()))
                for name, sweep in self.sweeps.items():
                    if sweep[0].has_prior:
                        yield self.sweep_samples(name, sweep)
        yield from rate_distortion.pictures(self.trained, self.words, unit=self.unit)
        yield from scored.pictures(self.main, self.data, self.words)

    def get(self, what: str, model: TrainedModel) -> Any:
        return self.found[what, model.name].result()

    def rebuild(self, model: TrainedModel) -> NDArray[np.float32]:
        run, known = model.first, self.found.get(("codes", model.name))
        context = self.beside(run)
        few = None if context is None else context[:SHOWN]
        codes = latent.encode(run.model, self.shown, few) if known is None else known.result()[:SHOWN]
        # As many codes as a grid of samples, so that one compiled decoder serves both.
        fill = np.arange(GRID) % len(codes)
        return latent.decode(run.model, codes[fill], None if few is None else few[fill])[: len(codes)]

    def sampled(self, run: Run) -> NDArray[np.float32]:
        """A grid of samples; of a conditional model, as the first validation examples are conditioned."""
        context = self.beside(run) if run.model.is_conditional else None
        return latent.sample(run.generator, GRID, seed=0, context=None if context is None else context[:GRID])

    def beside(self, run: Run) -> NDArray[np.float32] | None:
        return latent.context_of(run.model, run.spec.model, self.data, self.data.validation)

    def errors(self, run: Run) -> NDArray[np.float32]:
        return run.per_example("validation")["reconstruction"]

    def curves(self, model: TrainedModel) -> Picture:
        w, histories = self.words, model.histories
        first = {k: float(np.mean([h[k][0] for h in histories])) for k in histories[0]}
        epochs = min(len(h["loss"]) for h in histories)
        last = {k: float(np.mean([h[k][epochs - 1] for h in histories])) for k in histories[0]}
        caption = w("figure.curves.caption", name=model.name)
        if curves.is_cut(histories):
            caption += " " + w("figure.curves.cut")
        if len(histories) > 1:
            caption += " " + w("figure.curves.seeds", seeds=len(histories))
        alt = w(
            f"figure.curves.alt_{self.unit}", name=model.name, epochs=epochs,
            **{f"{k}_first": first[k] for k in ("loss", "val_loss")},
            **{f"{k}_last": last[k] for k in ("loss", "val_loss")},
        )  # fmt: skip
        wide = model.has_prior
        if wide:
            alt += " " + w("figure.curves.alt_parts", reconstruction=last["val_reconstruction"], kl=last["val_kl"])
        return as_svg(f"curves-{model.name}", curves.curves(histories, w, unit=self.unit), caption, alt, wide=wide)

    def reconstructions(self, group: str, models: Sequence[TrainedModel]) -> Picture:
        w, n = self.words, len(self.shown)
        rows = {m.name: self.get("rebuilt", m) for m in models}
        figure = images.reconstructions(self.shown, rows, w, self.shown_labels, self.span)
        caption = w("figure.reconstructions.caption", n=n) + self._seed(models)
        if self.shown_labels:
            caption += " " + w("figure.reconstructions.labels")
        rest = [w("figure.reconstructions.row", name=m.name, latents=m.latents) for m in models]
        alt = w("figure.reconstructions.alt", n=n, rows=w.joined([w("figure.row.original"), *rest]))
        if self.shown_labels:
            alt += " " + w("figure.reconstructions.alt_labels", labels=", ".join(self.shown_labels))
        file = "reconstructions" if group == "models" else "reconstructions-sweep"
        return as_png(file, figure, caption, alt, group=group, wide=True)

    def film(self, model: TrainedModel) -> Picture:
        w, run = self.words, model.first
        assert run.frames is not None
        planned, trained = run.spec.train.epochs_for(len(self.data.train)), len(run.history["loss"])
        moving, still = animation.film(
            run.frames, self.shown, w, self.span, name=model.name, planned=planned, trained=trained
        )
        told = {"name": model.name, "n": len(self.shown), "epochs": trained}
        caption = w("figure.film.caption", **told) + self._seed([model])
        alt = w("figure.film.alt", **told)
        size = animation.size(moving)
        return Picture(f"film-{model.name}.webp", "image/webp", moving, size, caption, alt, "models", True, still)

    def samples(self, model: TrainedModel) -> Picture:
        w = self.words
        drawn = self.get("samples", model)
        told = {"name": model.name, "n": GRID, "latents": model.latents}
        caption = w("figure.samples.caption", **told) + self._seed([model])
        alt = w("figure.samples.alt", **told)
        return as_png(f"samples-{model.name}", images.samples({"": drawn}, w, self.span), caption, alt)

    def sweep_samples(self, name: str, sweep: Sweep) -> Picture:
        w = self.words
        grids = {curves.latents(w, m.latents): self.get("samples", m) for m in sweep}
        sizes = w.joined([str(m.latents) for m in sweep])
        caption = w("figure.samples.sweep_caption", name=name, n=GRID) + self._seed(sweep)
        alt = w("figure.samples.sweep_alt", name=name, n=GRID, sizes=sizes)
        file = "samples-sweep" if name == "VAE" else f"samples-sweep-{sweep[0].name}"
        return as_png(file, images.samples(grids, w, self.span), caption, alt, group="sweep", wide=True)

    def manifold(self, model: TrainedModel) -> Picture:
        w = self.words
        grid, at = self.get("manifold", model)
        told = {"name": model.name, "side": len(at), "low": self._number(at[0]), "high": self._number(at[-1])}
        caption = w("figure.manifold.caption", **told) + self._seed([model])
        figure = images.manifold(grid, at, w, self.span)
        return as_png(f"manifold-{model.name}", figure, caption, w("figure.manifold.alt", **told))

    def codes(self, model: TrainedModel) -> Picture:
        w, z, classes = self.words, self.get("codes", model), self.data.classes
        points, names = codes.plane(np.asarray(z, np.float64), w)
        ends = [
            w("figure.codes.axis", axis=axis, low=self._number(p.min()), high=self._number(p.max()))
            for axis, p in zip(names, points.T, strict=True)
        ]
        told = {"name": model.name, "n": w.number(len(z), ",d"), "latents": model.latents}
        caption = w("figure.codes.caption" if len(names) == model.latents else "figure.codes.projected", **told)
        alt = w("figure.codes.alt", **told, axes=w.joined(ends))
        if self.labels is not None:
            caption += " " + w("figure.codes.labels" if len(names) == 2 else "figure.codes.rows")
            alt += " " + w("figure.codes.alt_labels", classes=len(classes))
        figure = codes.codes(z, self.labels, classes, w)
        return as_png(f"codes-{model.name}", figure, caption + self._seed([model]), alt)

    def class_errors(self) -> Picture:
        w, labels, classes = self.words, self.labels, self.data.classes
        assert labels is not None
        present = [c for c in range(len(classes)) if (labels == c).any()]
        errors, told = {}, []
        for model in self.main:
            values = self.get("errors", model)
            errors[model.name] = values
            means, _ = class_means(values, labels, present)
            least, most = int(means.argmin()), int(means.argmax())
            told.append(
                w("figure.class.alt_model", name=model.name, least=classes[present[least]], low=float(means[least]),
                  most=classes[present[most]], high=float(means[most]))
            )  # fmt: skip
        caption = w("figure.class.caption") + self._seed(self.main)
        alt = w(f"figure.class.alt_{self.unit}") + " " + " ".join(told)
        figure = class_errors(errors, labels, classes, w, unit=self.unit)
        return as_svg("classes", figure, caption, alt)

    def sweep_curves(self) -> Picture:
        w = self.words
        families = {n: {m.latents: m.histories for m in s} for n, s in self.sweeps.items()}
        priors = all(m.has_prior for s in self.sweeps.values() for m in s)
        caption = w("figure.sweep.caption_prior" if priors else "figure.sweep.caption")
        every = [h for f in families.values() for h in f.values()]
        if curves.is_cut(*every, parts=("loss",)):
            caption += " " + w("figure.sweep.cut")
        if max(map(len, every)) > 1:
            caption += " " + w("figure.curves.seeds", seeds=max(map(len, every)))
        lines: dict[str, dict[int, Metric]] = {}
        for name, family in families.items():
            ends = {s: float(np.mean([h["val_loss"][-1] for h in hs])) for s, hs in family.items()}
            lines[name] = {s: Metric(v, 0.0) for s, v in ends.items()}
        alt = w(f"figure.sweep.alt_{self.unit}") + " " + self._ends(lines)
        figure = curves.sweep_curves(families, w, unit=self.unit)
        return as_svg("sweep-curves", figure, caption, alt, group="sweep", wide=True)

    def sweep_parts(self) -> Picture:
        w = self.words
        lines: dict[str, dict[int, Metric]] = {}
        for name, sweep in self.sweeps.items():
            prior = sweep[0].has_prior
            for part in ("loss", "reconstruction", "kl") if prior else ("reconstruction",):
                values = {m.latents: m.metric("validation", part) for m in sweep}
                said = "KL" if part == "kl" else w(f"figure.series.{part}").lower()
                lines[w("figure.sweep.line", name=name, part=said)] = {s: v for s, v in values.items() if v is not None}
        seeds = max(len(m.runs) for s in self.sweeps.values() for m in s)
        caption = w("figure.parts.caption_seeds", seeds=seeds) if seeds > 1 else w(f"figure.parts.caption_{self.unit}")
        alt = w(f"figure.parts.alt_{self.unit}") + " " + self._ends(lines)
        fewest = min(len(m.runs) for s in self.sweeps.values() for m in s)
        figure = curves.sweep_parts(lines, w, unit=self.unit, seeds=fewest)
        return as_svg("sweep-parts", figure, caption, alt, group="sweep", wide=True)

    def _ends(self, lines: Mapping[str, Mapping[int, Metric]]) -> str:
        w = self.words
        return " ".join(
            w("figure.sweep.alt_line", name=name,
              values=w.joined([w("figure.sweep.alt_value", size=s, value=m.value) for s, m in line.items()]))
            for name, line in lines.items()
        )  # fmt: skip

    def _seed(self, models: Sequence[TrainedModel]) -> str:
        many = any(len(m.runs) > 1 for m in models)
        return " " + self.words("figure.seed", seed=models[0].first.spec.seed) if many else ""

    def _number(self, value: float) -> str:
        return self.words.number(float(value), ".2f")
