"""A run as the explorer sees it: one split's codes packed for the page, and answers to what the page asks."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.split import PARTS
from latente.data.units import span_of
from latente.errors import DataError, SpecError, StoreError, unknown
from latente.evaluation import latent
from latente.evaluation.codes import book_of, ends_of, is_dark, usual_scores
from latente.evaluation.likelihood.collapse import THRESHOLD
from latente.evaluation.metrics.embedding import principal_axes
from latente.evaluation.metrics.neighbours import nearest_to
from latente.evaluation.run import Run
from latente.evaluation.run_data import AbsentData
from latente.explorer import fields, latents, packing, page_program
from latente.explorer.fields import Field
from latente.memory import arrays_at_once
from latente.model.likelihoods import Likelihood
from latente.model.likelihoods.gaussian import Gaussian
from latente.model.priors.none import NoPrior
from latente.model.priors.normal import StandardNormal

Floats = NDArray[np.float32]

SPLITS = (*PARTS, "all")

POOL = 2048

NAMED = 24
"""Columns of a table that are shown by name; of more, bars alone."""

WIDE = 3.0
"""A slider of a model with a prior reaches at least so far on both sides: 99.7% of a standard normal."""


class RunView:
    """A run, with what a page needs of it computed when it is first asked for.

    Args:
        run: a trained model whose data can be read, or that keeps its codes.
        folder: where it was loaded from; a ``umap.npy`` there, shape (n, 2) with the rows of train, validation and
            test in this order (or ``umap-SPLIT.npy`` with those of one split), becomes a view of the map.
    """

    def __init__(self, run: Run, folder: Path | None = None) -> None:
        self.run, self.folder = run, folder
        self.model, self.data = run.model, run.known_data
        self.kept = run.codes if isinstance(self.data, AbsentData) else None
        if isinstance(self.data, AbsentData) and self.kept is None:
            raise DataError(str(self.data.why))
        self._lock = threading.Lock()
        self._scenes: dict[str, bytes] = {}

    def scene(self, split: str) -> bytes:
        """The split's codes and all the page must know of the run, packed by `packing.pack`; kept.

        Raises:
            DataError: no split is called so. StoreError: a saved UMAP that does not fit.
        """
        check_split(split)
        with self._lock:
            if split not in self._scenes:
                self._scenes[split] = packing.pack(*self.parts(split))
            return self._scenes[split]

    def warm(self, split: str) -> None:
        """Compute what a page asks first, so that nobody waits for it; the rest goes on in the background."""
        self.scene(split)
        self.decode(np.zeros((1, self.width), np.float32))
        threading.Thread(target=self._compile, daemon=True).start()

    def _compile(self) -> None:
        """Every batch size that is decoded, and encoding one example."""
        for count in (8, 64, latents.BATCH, 256):
            self.decode(np.zeros((count, self.width), np.float32))
        context = np.zeros((1, self.model.context_size), np.float32) if self.model.context_size else None
        self.encode(np.zeros((1, *self.model.shape), np.float32), context)

    def parts(self, split: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What `scene` packs: a JSON-able description, and arrays.

        ``codes`` (n, d); ``labels`` (n,), where there are any; ``spread`` (n, d), log σ in 255 steps between the
        description's ``spread``, where the posterior has one; ``field-k``, the values of the k-th of its
        ``fields``; ``centre``, ``axes``, ``share`` of the PCA; ``umap``;
        ``context`` (n, c), what a conditional model is given with each, unless it is the label; ``book`` (levels,
        codes, width) of a model whose codes are entries of books, and ``tokens`` (n, latents · levels), which.
        """
        mean, log_var = self.encoded(split)
        labels = self._labels(split)
        centre, axes, share = principal_axes(mean)
        arrays: dict[str, NDArray[Any]] = {"codes": mean, "centre": centre, "axes": axes, "share": share}
        meta = {**self._about, **_latents(mean, log_var, type(self.model.prior) is StandardNormal)}
        meta |= {"split": split, "n": len(mean), "d": int(mean.shape[1])}
        if labels is not None:
            arrays["labels"] = labels.astype(np.uint8 if len(self.data.classes) < 256 else np.uint16)
        if log_var is not None:
            low, high = float(log_var.min()) / 2, float(log_var.max()) / 2
            steps = (0.5 * log_var - low) / max(high - low, 1e-6)
            arrays["spread"] = np.round(255 * steps).astype(np.uint8)
            meta["spread"] = [low, high]
        # Labels the page has already.
        found = [field for field in self.fields(split) if field.key != "label"]
        meta["fields"] = [field.about for field in found]
        arrays |= {f"field-{k}": field.values for k, field in enumerate(found)}
        umap = self._umap(split, len(mean))
        if umap is not None:
            arrays["umap"] = umap
        if self._pool is not None:
            arrays["pool"] = self._pool
        if self.model.context_size and not self._labels_given:
            contexts = [self._context(part, slice(None)) for part in _parts_of(split)]
            arrays["context"] = np.concatenate([c for c in contexts if c is not None])
        book = book_of(self.model)
        if book is not None:
            arrays["book"] = book
            tokens = self._kept("token", split)
            if tokens is None:
                pairs = (pair for part in _parts_of(split) for pair in self._values(part))
                tokens = np.concatenate([latents.tokens(self.model, *pair) for pair in pairs])
            arrays["tokens"] = tokens
        return meta, arrays

    @functools.cache  # noqa: B019
    def encoded(self, split: str) -> tuple[Floats, Floats | None]:
        """Mean codes and log-variances of a split.

        Raises:
            StoreError: they are not all finite.
        """
        mean, whole = self._kept("mean", split), self._kept("log_variance", split)
        if mean is None:
            pairs = (pair for part in _parts_of(split) for pair in self._values(part))
            found = [latents.encode(self.model, *pair) for pair in pairs]
            mean = np.concatenate([one for one, _ in found])
            whole = np.concatenate([s for _, s in found if s is not None]) if found[0][1] is not None else None
        self._check("codes", mean if whole is None else mean + whole)
        return mean, whole

    @functools.cache  # noqa: B019
    def scores(self, split: str) -> Floats:
        """Every example's anomaly score in nats, shape (n,), as `latents.scores`."""
        kept = self._kept("score", split)
        if kept is not None:
            return kept
        pairs = (pair for part in _parts_of(split) for pair in self._values(part))
        return np.concatenate([latents.scores(self.model, *pair) for pair in pairs])

    def fields(self, split: str) -> list[Field]:
        """What is known of each example of a split: its label, what the data has beside, how unlike the others it is,
        and how uncertain its code: the entropy of q(z | x) in nats, where it is a diagonal Gaussian."""
        parts, labels = [self.data.part(p) for p in _parts_of(split)], self._labels(split)
        found = (
            [] if labels is None else [Field("label", "", labels.astype(np.uint16), tuple(map(str, self.data.classes)))]
        )
        found += fields.known(self.data, parts) if self.kept is None else []
        scores, log_var = self.scores(split), self.encoded(split)[1]
        found.append(Field("anomaly", "", np.where(np.isfinite(scores), scores, np.nan).astype(np.float32)))
        if log_var is not None:
            entropy = 0.5 * (log_var + math.log(2 * math.pi * math.e)).sum(axis=1)
            found.append(Field("uncertainty", "", entropy.astype(np.float32)))
        return found

    def _kept(self, kind: str, split: str) -> NDArray[Any] | None:
        """What the run keeps of a split's examples, where the data is not here; else None."""
        found = [] if self.kept is None else [self.kept.get(kind, part) for part in _parts_of(split)]
        return np.concatenate([f for f in found if f is not None]) if found and found[0] is not None else None

    def _check(self, what: str, numbers: NDArray[np.floating]) -> None:
        """Refuse numbers of the model that nothing can show."""
        if not np.isfinite(numbers).all():
            raise StoreError(
                f'run "{self.run.spec.name}": its {what} are not all finite numbers, so that there is nothing to '
                "explore; its weights are damaged, bring them back from a copy or train it again"
            )

    def _values(self, part: str, stride: int = 1) -> Iterator[tuple[Floats, Floats | None]]:
        """Model values of a part's examples, or of every so many, and what they are given with, some at a time."""
        x = self.data.part(part).x
        size = stride * arrays_at_once(math.prod(self.data.shape), 5 * latents.BATCH)
        for at in range(0, len(x), size):
            rows = slice(at, at + size, stride)
            yield self.data.values(x[rows]), self._context(part, rows)

    def _context(self, part: str, rows: slice) -> Floats | None:
        if not self.model.context_size:
            return None
        found = self._contexts(part)
        return None if found is None else found[rows]

    @functools.cache  # noqa: B019
    def _contexts(self, part: str) -> Floats | None:
        if self.kept is not None:
            return self._kept("context", part)
        return latent.context_of(self.model, self.run.spec.model, self.data, self.data.part(part))

    @property
    def _labels_given(self) -> bool:
        """Whether what the model is given with an example is its label, so that the page has it already."""
        return self.model.is_conditional and self.run.spec.model.condition == "labels"

    @property
    def given(self) -> list[dict[str, Any]]:
        """What the model is given, field after field: ``choices``, one number each, or ``mean``, ``sd`` and ``range``
        of a column that is standardised. Without a name it is the label."""
        if not self.model.context_size:
            return []
        if self.run.spec.model.condition != "columns":
            return [{"name": None, "choices": [str(c) for c in self.data.classes]}]
        train, at = self._contexts("train"), 0
        fields: list[dict[str, Any]] = []
        assert train is not None
        for condition in self.data.conditions:
            column = condition.column
            if column.categories:
                fields.append({"name": column.name, "choices": list(map(str, column.categories))})
            else:
                seen = condition.mean + condition.sd * train[:, at].astype(float)
                ends = [float(seen.min()), float(seen.max())]
                fields.append({"name": column.name, "mean": condition.mean, "sd": condition.sd, "range": ends})
            at += len(condition.names)
        return fields

    def encode(self, x: Floats, context: Floats | None = None) -> tuple[Floats, Floats | None, Floats]:
        """Of model values x, shape (n, *shape), and of a conditional model context, shape (n, c): mean codes,
        log-variances (or None), and anomaly scores in nats."""
        return (*latents.encode(self.model, x, context), latents.scores(self.model, x, context))

    def decode(self, rows: Floats) -> Floats:
        """E[x | z] for rows of a code and what a conditional model is given with it, shape (n, `width`).

        Raises:
            DataError: rows of another shape, or not finite.
        """
        if rows.ndim != 2 or rows.shape[1] != self.width or not np.isfinite(rows).all():
            raise DataError(f"codes: got shape {rows.shape}; allowed: (n, {self.width}) of finite numbers")
        size = self.model.code_size
        return latents.decode(self.model, rows[:, :size], rows[:, size:] if self.width > size else None)

    @property
    def width(self) -> int:
        """How many numbers a code has, and what a conditional model is given with it."""
        return self.model.code_size + self.model.context_size

    def examples(self, split: str, index: NDArray[np.int64]) -> NDArray[Any]:
        """Examples of a split as the page draws them: bytes for images, model values for anything else.

        Raises:
            DataError: an index outside the split.
        """
        check_split(split)
        parts = [self.data.part(p) for p in _parts_of(split)]
        ends = np.cumsum([len(p) for p in parts])
        if len(index) == 0 or index.min() < 0 or index.max() >= ends[-1]:
            raise DataError(f"index: got one outside 0..{ends[-1] - 1}; allowed: an example of the split {split}")
        which = np.searchsorted(ends, index, side="right")
        starts = np.concatenate([[0], ends])
        found = np.stack([parts[w].x[i - starts[w]] for w, i in zip(which, index, strict=True)])
        return self.drawn(self.data.values(found))

    def drawn(self, values: Floats) -> NDArray[Any]:
        """Model values as `examples` gives them."""
        if not self.data.is_image:
            return values.astype(np.float32)
        low, high = self._about["range"]
        drawn: NDArray[Any] = np.round(255 * np.clip((values - low) / (high - low), 0, 1)).astype(np.uint8)
        return drawn

    def nearest(self, x: Floats, count: int) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The training examples nearest to model values x: indices, distances and the examples."""
        train = self.data.train
        index, distance = nearest_to(x, (values for values, _ in self._values("train")), count)
        arrays = {"index": index.astype(np.uint32), "distance": distance}
        arrays["examples"] = self.drawn(self.data.values(train.x[index]))
        if train.y is not None:
            arrays["labels"] = train.y[index].astype(np.uint32)
        return {}, arrays

    @property
    def program(self) -> bytes:
        """The decoder as a layer program with its weights in single precision, packed; empty where it has none.

        With it the page decodes a place by itself, in a tenth of the time that asking takes.
        """
        try:
            found = page_program.decoder(self.model)
        except SpecError:
            return packing.pack({"decoder": None}, {})
        return packing.pack({"decoder": found.table()}, found.arrays)

    @functools.cached_property
    def fitted(self) -> dict[str, NDArray[np.float32]]:
        """The mixture fitted to the training codes, of at most 5,000 examples."""
        if self.kept is not None:
            mean, log_var = self.encoded("train")
            some = slice(None, None, max(1, len(mean) // 5000))
            return latents.mixture(mean[some], None if log_var is None else log_var[some])
        stride = max(1, len(self.data.train) // 5000)
        found = [latents.encode(self.model, *pair) for pair in self._values("train", stride)]
        spreads = [log_var for _, log_var in found if log_var is not None]
        return latents.mixture(np.concatenate([m for m, _ in found]), np.concatenate(spreads) if spreads else None)

    @functools.cached_property
    def _about(self) -> dict[str, Any]:
        data, spec = self.data, self.run.spec
        low, high = map(float, self.run.card["range"])
        if data.is_image:
            low, high = span_of(low, high)
        model = self.model
        scores = self._usual[0]
        self._check("scores of examples", scores)
        return {
            "run": spec.name,
            "seed": spec.seed,
            "data": data.name,
            "fingerprint": data.fingerprint,
            "shape": list(data.shape),
            "image": data.is_image,
            "dark": is_dark(data) if self.kept is None else self.kept.dark,
            "range": [low, high if high > low else low + 1],
            "classes": [str(c) for c in data.classes],
            "counts": {p: len(data.part(p)) for p in PARTS},
            "absent": self.kept is not None,
            "posterior": type(model.posterior).__name__,
            "prior": _prior(self.run),
            "likelihood": type(model.likelihood).__name__,
            "sigma": sigma_of(model.likelihood),
            "latents": model.latent_dim,
            "columns": self.columns,
            "given": self.given,
            "context": model.context_size,
            "score": "nats",
            "scores": percentiles(scores),
            "history": {k: [finite(v) for v in vs] for k, vs in self.run.history.items()},
        }

    @property
    def columns(self) -> list[dict[str, Any]] | None:
        """Of a table of at most `NAMED` columns, each: its name, how to get its unit back from model values, and the
        0.5th and 99.5th percentile of the training part, or its categories; None of anything else."""
        data = self.data
        if data.is_image or len(data.shape) != 1 or not data.features or len(data.features) > NAMED:
            return None
        units, ends = data.units, ends_of(data) if self.kept is None else self.kept.ends
        if ends is None:
            return None
        multiplier, offset = (np.broadcast_to(a, data.shape) for a in (units.multiplier, units.offset))
        return [
            {"name": column.name, "multiplier": float(multiplier[i]), "offset": float(offset[i])}
            | {k: v if np.isfinite(v) else 0.0 for k, v in (("low", float(ends[0, i])), ("high", float(ends[1, i])))}
            | ({"categories": list(map(str, column.categories))} if column.categories else {})
            for i, column in enumerate(data.features)
        ]

    @functools.cached_property
    def error_percentiles(self) -> list[float]:
        """As the description's ``scores``, of root mean squared errors in model values: for a page that computes no
        likelihood."""
        return percentiles(self._usual[1])

    @functools.cached_property
    def _usual(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Quantiles of the scores and of the errors of training examples."""
        if self.kept is not None:
            return self.kept.scores, self.kept.errors
        return usual_scores(self.model, self.data, self._contexts("train") if self.model.context_size else None)

    @functools.cached_property
    def _pool(self) -> Floats | None:
        """Draws of a prior that the page cannot draw from by itself."""
        if self._about["prior"] != "pool":
            return None
        return latent.sample_codes(self.run.generator, POOL, seed=0)

    def _labels(self, split: str) -> NDArray[np.int64] | None:
        if self.kept is not None:
            return self._kept("label", split)
        found = [y for p in _parts_of(split) if (y := self.data.part(p).y) is not None]
        return np.concatenate(found) if found else None

    def _umap(self, split: str, n: int) -> Floats | None:
        if self.folder is None:
            return None
        parts = [len(self.data.part(p)) for p in PARTS]
        start = 0 if split == "all" else sum(parts[: PARTS.index(split)])
        for path, rows, cut in (
            (self.folder / f"umap-{split}.npy", n, slice(0, n)),
            (self.folder / "umap.npy", sum(parts), slice(start, start + n)),
        ):
            if path.is_file():
                try:
                    found = np.load(path)
                except (ValueError, OSError, EOFError) as error:
                    raise StoreError(f"{path}: is no array that can be read ({error})") from None
                if found.shape != (rows, 2) or found.dtype.kind not in "fiu" or not np.isfinite(found).all():
                    raise StoreError(f"{path}: got shape {found.shape}; allowed: ({rows}, 2) of finite numbers")
                rows_of: Floats = found[cut].astype(np.float32)
                return rows_of
        return None


def percentiles(values: NDArray[np.floating]) -> list[float]:
    """The 0th to the 100th, with five places."""
    return [round(float(v), 5) for v in np.quantile(values, np.linspace(0, 1, 101))]


def finite(value: float) -> float | None:
    """A number as JSON has it: with five places, and None where it is not finite."""
    return round(float(value), 5) if np.isfinite(value) else None


def check_split(split: str) -> None:
    """Refuse a split of another name.

    Raises:
        SpecError: naming those allowed.
    """
    if split not in SPLITS:
        raise SpecError(unknown("split", split, SPLITS))


def _parts_of(split: str) -> tuple[str, ...]:
    return PARTS if split == "all" else (split,)


def _prior(run: Run) -> str:
    """How the page draws from the prior, or the one fitted after training: by itself, from a pool, or not at all."""
    prior = run.generator.prior
    return "standard-normal" if type(prior) is StandardNormal else "none" if isinstance(prior, NoPrior) else "pool"


def _latents(mean: Floats, log_var: Floats | None, normal: bool) -> dict[str, Any]:
    """Of every latent: how much it is used, whether it is at all, and how far its slider goes."""
    variance = mean.var(axis=0, dtype=np.float64)
    divergence = latents.kl(mean, log_var) if log_var is not None and normal else None
    floor = THRESHOLD if log_var is not None else 1e-8
    low, high = np.quantile(mean, [0.001, 0.999], axis=0)
    pad = 0.1 * (high - low) + 1e-3
    low, high = low - pad, high + pad
    if normal:
        low, high = np.minimum(low, -WIDE), np.maximum(high, WIDE)
    weight = variance if divergence is None else divergence
    return {
        "kl": None if divergence is None else [round(float(v), 5) for v in divergence],
        "variance": [round(float(v), 6) for v in variance],
        "collapsed": (variance <= floor).tolist(),
        "order": np.argsort(-weight, kind="stable").tolist(),
        "low": [round(float(v), 4) for v in low],
        "high": [round(float(v), 4) for v in high],
    }


def sigma_of(likelihood: Likelihood) -> float:
    """The σ of a Gaussian likelihood that has one for all values, fixed or learnt; 1 of any other."""
    if not isinstance(likelihood, Gaussian) or likelihood.sigma == "per-value":
        return 1.0
    return math.sqrt(float(likelihood.variance(np.zeros((1, 1), np.float32))[0]))  # type: ignore[arg-type]
