"""A trained model with its spec, data and numbers; saved to a folder and loaded from it."""

from __future__ import annotations

import contextlib
import dataclasses
import operator
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.random as jr
import numpy as np
from numpy.typing import NDArray

from latente.atomic import clear_parts, make_folder
from latente.data.load import ARRAYS, AnySource
from latente.data.split import Data
from latente.data.units import Units
from latente.errors import DataError, LatenteError, LatenteWarning, SpecError, StoreError
from latente.evaluation import latent, manifest
from latente.evaluation.access_log import Access, access, command
from latente.evaluation.batching import OnBatch
from latente.evaluation.codes import KeptCodes, kept_codes
from latente.evaluation.evaluate import METRICS, Metric, PerExample, per_example, summarise
from latente.evaluation.fit_prior import check_kind, codes_of, fit_prior
from latente.evaluation.folders import is_finished, one_run_folder
from latente.evaluation.hub import is_hub
from latente.evaluation.imputation import Imputed, impute
from latente.evaluation.inputs import model_context, model_values
from latente.evaluation.measured import Measured
from latente.evaluation.outliers.anomaly_scores import anomaly_scores, kinds_of
from latente.evaluation.outliers.explain import Explanation, explain, usual_columns
from latente.evaluation.row_terms import row_terms
from latente.evaluation.run_data import AbsentData, known_data, no_arrays, read_data
from latente.evaluation.run_files import (
    PRIOR,
    SCORES,
    WEIGHTS,
    Metrics,
    Numbers,
    SavedRun,
    merged,
    own_files,
    read,
    written,
    written_numbers,
)
from latente.evaluation.spec_file import parts_used, spec_table
from latente.model.autoencoder import Autoencoder
from latente.model.priors import Prior
from latente.model.priors.fitted import blank_prior, part_of
from latente.objective.objectives import objectives
from latente.objective.objectives.base import Opponent
from latente.plain import as_html, as_text
from latente.plugins import Used, of_kind, require, used
from latente.spec import ModelSpec, RunSpec, StartSpec, TrainSpec, as_dict
from latente.spec import build as build_spec
from latente.spec import part as part_of_spec
from latente.training import store
from latente.training.check import model_for, new_model
from latente.training.display import fitting
from latente.training.examples import examples_of, scale_of
from latente.training.fit import Epoch, History, OnEpoch
from latente.training.fit import fit as fit_run
from latente.training.transfer import Parent, filled_in, transferred

Floats = NDArray[np.float32]

IN_MEMORY = "in memory"
"""Where a run is that another began with and that was never saved, or given as it was."""
PARTS_SHOWN = ("objective", "posterior", "prior", "likelihood")
"""Of a model, in the summary of a run."""


@dataclass(repr=False)
class Run:
    """A trained model.

    Attributes:
        spec: what was done.
        model: the trained parts; its methods take one example.
        history: epoch means by name ("loss", "val_loss", …), each of shape (epochs,), in nats.
        frames: uint8 reconstructions of the first validation images over the epochs, or None.
        metrics: what was evaluated so far, by split and metric.
        seconds: time spent training.
        card: the data card.
        opponent: the second player it was trained against, where its objective has one.
        fitted: a prior fitted to the codes after training, which `sample` draws from (see `with_prior`); or None.
        measured: what was scored so far, by split and `Score.key`; its values are among the metrics too.
        test_accesses: when the test part was used, by which command and for what; kept beside the times.
        plugins: the plug-ins that it was trained with, each with those of its parts that are in the spec.
        codes: of the data's examples, where they are kept (see `keep_codes`).
    """

    spec: RunSpec
    model: Autoencoder
    history: History
    frames: NDArray[np.uint8] | None
    seconds: float
    card: dict[str, Any]
    metrics: Metrics = field(default_factory=dict)
    _data: Data | None = None
    opponent: Opponent | None = None
    fitted: Prior | None = None
    measured: dict[str, dict[str, Measured]] = field(default_factory=dict)
    _per_example: dict[str, PerExample] = field(default_factory=dict)
    test_accesses: list[Access] = field(default_factory=list)
    codes: KeptCodes | None = None
    _access: Access | None = None
    _units: Units | None = None
    plugins: tuple[Used, ...] = ()

    def __repr__(self) -> str:
        return as_text(*self._summary())

    def _repr_html_(self) -> str:
        return as_html(*self._summary())

    def _summary(self) -> tuple[str, list[tuple[str, object]]]:
        spec, counts, begun = self.spec.model, self.card["counts"], self.spec.start
        names = {n: v if isinstance(v, str) else v["name"] for n, v in as_dict(spec).items() if n in PARTS_SHOWN}
        found = [
            (split, ", ".join(f"{k} {of[k].value:.4g} ± {of[k].standard_error:.2g}" for k in METRICS[:3] if k in of))
            for split, of in self.metrics.items()
            if of
        ]
        scored = {key: None for keys in self.measured.values() for key in keys}
        last = {k: float(v[-1]) for k, v in self.history.items() if k in ("loss", "val_loss") and len(v)}
        epochs = len(self.history.get("loss", ()))
        rows: list[tuple[str, object]] = [
            ("model", f"{spec.latent_dim} latents, {', '.join(f'{n} {v}' for n, v in names.items())}"),
            ("network", f"{part_of_spec(spec.network)[0]} {'–'.join(map(str, spec.hidden))}, "
                        f"{self.model.parameters():,} parameters"),
            ("data", f"{self.card['name']}: {' × '.join(map(str, self.card['shape']))}, "
                     f"{', '.join(f'{n:,} {p}' for p, n in counts.items())}"),
            ("training", f"{epochs} epochs in {self.seconds:.1f} s"),
            *([("start", f"from {begun.name}, fingerprint {begun.fingerprint[:12]}"
                         + (f", {', '.join(begun.freeze)} held fixed" if begun.freeze else ""))] if begun else []),
            *([("last epoch", ", ".join(f"{k} {v:.4g}" for k, v in last.items()))] if last else []),
            *found[:3],
            *([("scores", ", ".join(scored))] if scored else []),
            *([("samples", f"from a fitted prior, {part_of(self.fitted)['name']}")] if self.fitted is not None else []),
            *([("plug-ins", "; ".join(map(str, self.plugins)))] if self.plugins else []),
        ]  # fmt: skip
        return f"run {self.spec.name}, seed {self.spec.seed}", rows

    @property
    def data(self) -> Data:
        """The data set, read again where the run was loaded from a folder.

        Raises:
            DataError: it is gone, or no longer what the run was trained on.
        """
        if self._data is None:
            if self.spec.data.source == ARRAYS:
                raise no_arrays(self.card)
            try:
                require(of_kind(self.plugins, "data set"), f'run "{self.spec.name}"')
            except StoreError as error:
                raise DataError(str(error)) from None
            self._data = read_data(self.spec.data, self.card)
        return self._data

    @property
    def known_data(self) -> Data:
        """The data set; where it is gone, what the folder knows of it (see `latente.evaluation.run_data.AbsentData`).

        Raises:
            DataError: something else is where it was.
        """
        return self._data or known_data(self.spec.data, self.card, self._known_units())

    def keep_codes(self) -> KeptCodes:
        """The codes of the data's examples, which `save` then keeps with the run: so its map can be drawn without data.

        Raises:
            DataError: the data is gone.
        """
        if self.codes is None:
            self.codes = kept_codes(self.model, self.spec.model, self.data)
        return self.codes

    @property
    def units(self) -> Units:
        """How the data's own numbers become model values, and back; kept with the run.

        Raises:
            DataError: it is not known (of a run that was saved by an older version), and the data is gone.
        """
        if self._units is None:
            self._units = self._known_units() or self.data.units
        return self._units

    def _known_units(self) -> Units | None:
        """Those that are kept, or that follow from what is; None where only the data tells."""
        if self._units is not None or (self._data is not None and not isinstance(self._data, AbsentData)):
            return self._units or (self._data.units if self._data is not None else None)
        shape, stored, scale = tuple(self.card["shape"]), self.card.get("dtype"), self.spec.data.scale
        if scale == "none" or (scale == "unit" and stored == "float32"):
            return Units(shape, stored == "uint8", np.ones((), np.float32), np.zeros((), np.float32))
        return None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its weights, in hexadecimal: by it a run that begins with them says which they were."""
        return store.fingerprint(self.model)

    def _as_parent(self) -> Parent:
        return Parent(self.spec, self.card, self.model, self.opponent, self._known_units(), self.fingerprint)

    @property
    def generator(self) -> Autoencoder:
        """The model that `sample` draws from: the trained one, with the fitted prior in its own one's place."""
        if self.fitted is None:
            return self.model
        generator: Autoencoder = eqx.tree_at(lambda m: m.prior, self.model, self.fitted)
        return generator

    def with_prior(self, kind: str, *, seed: int = 0, **options: Any) -> Run:
        """This run with a prior fitted to the codes of its training examples, for `sample` to draw from.

        Any model takes one, a deterministic autoencoder too. Spec, model and metrics stay those of the training: the
        loss is not that of the fitted prior. It is saved with the run.

        Args:
            kind: "gaussian-mixture", "kde", "realnvp", "maf" or "second-stage-vae"; "autoregressive" for quantised
                codes.
            seed: of the codes drawn and of the fit.
            options: of the kind, for instance ``components=20`` (see `latente.evaluation.fit_prior`); those that stop
                early do so by the codes of the validation examples.

        Raises:
            SpecError: an unknown kind or option, or one that does not go with the model's posterior.
            DataError: too few training examples, codes that are all alike, or the data is gone.
            TrainingError: no finite likelihood was found.
        """
        check_kind(self.model, kind, options)
        codes, held_out = (
            codes_of(self.model, scale_of(self.data), examples_of(self.data, part, self.spec.model), seed=seed)
            for part in (self.data.train, self.data.validation)
        )
        fitted = fit_prior(self.model, codes, kind, seed=seed, held_out=held_out, **options)
        metrics, measured = self._without_samples()
        return dataclasses.replace(
            self,
            fitted=fitted,
            metrics=metrics,
            measured=measured,
            test_accesses=list(self.test_accesses),
            _access=None,
        )

    def _without_samples(self) -> tuple[Metrics, dict[str, dict[str, Measured]]]:
        """What was evaluated and scored so far, but for what is about samples."""
        metrics = {split: dict(found) for split, found in self.metrics.items()}
        measured = {split: dict(found) for split, found in self.measured.items()}
        for split, found in measured.items():
            for key in [k for k, one in found.items() if one.of_samples]:
                for column in found.pop(key).values:
                    metrics[split].pop(column, None)
        return metrics, measured

    def evaluate(self, split: str = "test") -> dict[str, Metric]:
        """Mean and standard error of every metric on "train", "validation" or "test".

        Evaluated once and kept: a second call gives the same numbers without looking again.
        """
        if split not in self.metrics:
            self.metrics[split] = summarise(self.per_example(split))
        return self.metrics[split]

    def score(self, score: Any, split: str = "test", on_batch: OnBatch | None = None) -> Measured | None:
        """Numbers by which models of different losses compare: see `latente.score`, which this calls."""
        import latente

        return latente.score(self, score, split, on_batch)

    def per_example(self, split: str) -> PerExample:
        """Every metric for each example of a split, shape (n,) each (see `latente.evaluation.evaluate`).

        Worked out once; those of `PAIRED` are kept with the run, for comparisons example by example.
        """
        if split not in self._per_example:
            if not len(self.data.part(split)):
                name = self.card["name"]
                raise DataError(f'{name} has no {split} part, for its share is 0; take split = "validation"')
            self.record_access(split, *METRICS)
            examples = latent.evaluation_examples(self.model, self.spec.model, self.data, self.data.part(split))
            given = self.model, objectives.make(self.spec.model.objective), scale_of(self.data), examples
            self._per_example[split] = per_example(*given, opponent=self.opponent)
        return self._per_example[split]

    def known_examples(self, split: str) -> PerExample:
        """As `per_example`, of what is known: nothing is worked out, and the data is not read."""
        return self._per_example.get(split, {})

    def record_access(self, split: str, *found: str) -> None:
        """Record a use of the test part; those of one command are one."""
        if split != "test":
            return
        if self._access is None or self._access.by != command():
            self._access = access([])
            self.test_accesses.append(self._access)
        self._access.found += [name for name in found if name not in self._access.found]

    def scaled(self, x: Any) -> Floats:
        """Examples in the data's own units as model values, shape (n, *shape); what `encode` does with them first.

        Raises:
            DataError: as `encode`.
        """
        return self._values(x, scaled=False)

    def unscaled(self, values: NDArray[Any]) -> NDArray[Any]:
        """Model values, shape (n, *shape), as `sample` and `reconstruct` give them, in the data's own units.

        Bytes are rounded to whole ones (uint8), everything else is float32. The data itself is not needed.
        """
        return self.units.restored(self.units.read(values, scaled=True))

    def encode(self, x: Any, *, given: Any = None, scaled: bool = False) -> Floats:
        """Mean codes, shape (n, code_size), of examples x, shape (n, *shape).

        Args:
            x: the examples in the data's own units, of any type of numbers, as `latente.load_data` found them; of
                bytes also model values of 0 to 1 (see `latente.data.units.Units.read`).
            given: what a conditional model needs beside them: class numbers or names of shape (n,), condition columns
                of shape (n, context_size) as `given` makes them, or a list of rows as it takes them. A model with
                a classifier (M2) takes its most likely class where nothing is given; `sample` then draws classes,
                and `decode` needs them.
            scaled: x holds model values, which are taken as they are.

        Raises:
            DataError: examples of another shape, not finite, or of values that are none of the data's or that the
                model's likelihood does not take.
        """
        values = self._values(x, scaled=scaled)
        return latent.encode(self.model, values, self._context(given, len(values)))

    def decode(self, z: NDArray[Any], *, given: Any = None) -> Floats:
        """Decoded means as model values, shape (n, *shape), of codes z, shape (n, code_size); ``given`` as in
        `encode`. `unscaled` brings them to the data's own units.

        Raises:
            DataError: codes of another shape, or not finite.
        """
        z = np.asarray(z, np.float32)
        if z.ndim != 2 or z.shape[1] != self.model.code_size or not np.isfinite(z).all():
            raise DataError(f"codes: got shape {z.shape}; allowed: (n, {self.model.code_size}) of finite numbers")
        return latent.decode(self.model, z, self._context(given, len(z)))

    def reconstruct(self, x: Any, *, given: Any = None, scaled: bool = False) -> Floats:
        """Decoded means at the mean codes of x, shape (n, *shape), as model values; arguments and errors as `encode`.

        `unscaled` brings them to the data's own units.
        """
        values = self._values(x, scaled=scaled)
        return latent.reconstruct(self.model, values, self._context(given, len(values)))

    def sample(self, n: int = 16, *, seed: int = 0, given: Any = None) -> Floats:
        """Decoded means of n codes from the prior (the fitted one, where there is one), shape (n, *shape).

        They are model values; `unscaled` brings them to the data's own units. ``given`` as in `encode`.

        Raises:
            SpecError: n below one, or a model without a prior.
        """
        try:
            n = -1 if isinstance(n, bool | np.bool_) else operator.index(n)
        except TypeError:
            n = -1 if n is None else n
        if not isinstance(n, int) or n < 1:
            raise SpecError(f"sample: got n = {n!r}; allowed: a whole number of at least 1")
        return latent.sample(self.generator, n, seed=seed, context=self._context(given, n))

    def anomaly_scores(
        self,
        x: Any,
        by: str | None = None,
        *,
        given: Any = None,
        scaled: bool = False,
        samples: int = 100,
        seed: int = 0,
        on_batch: OnBatch | None = None,
    ) -> NDArray[np.float64]:
        """How unlike the training examples each of x is, shape (n,): higher is more anomalous.

        Args:
            x: examples, shape (n, *shape), as in `encode`.
            by: "regret", "reconstruction" or "nll" (see `latente.evaluation.outliers.anomaly_scores.anomaly_scores`,
                which also says why a likelihood alone may fail); by default the regret, or the reconstruction error
                of a model whose codes have no density.
            given, scaled: as in `encode`.
            samples: K of the bound, for "nll".
            seed: of what is drawn.
            on_batch: called with (examples done, of how many).

        Raises:
            SpecError: a score that is unknown or that this model has not.
            DataError: as `encode`.
        """
        values = self._values(x, scaled=scaled)
        kind = kinds_of(self.model)[-1] if by is None else by
        context = self._context(given, len(values))
        found = anomaly_scores(
            self.model, values, context, kinds=(kind,), samples=samples, seed=seed, on_batch=on_batch
        )
        return found[kind]

    def explain(
        self,
        x: Any,
        *,
        given: Any = None,
        scaled: bool = False,
        usual: NDArray[np.float64] | None = None,
        seed: int = 0,
        on_batch: OnBatch | None = None,
    ) -> Explanation:
        """Which columns or pixels make each of x unlikely: −log p(x) split over its values, which sum to it.

        See `latente.evaluation.outliers.explain.explain`, which says how it is split and what that cannot do.

        Args:
            x: examples, shape (n, *shape), as in `encode`.
            given, scaled: as in `encode`.
            usual: what each value adds in a usual example, shape (*shape,); by default worked out from the validation
                part (see `latente.evaluation.held_out`, where it may be had once for many calls).
            seed: of what is drawn.
            on_batch: called with (examples done, of how many).

        Raises:
            DataError: as `encode`, or the data is gone.
        """
        values = self._values(x, scaled=scaled)
        if usual is None:
            held_out = self.data.validation
            known = latent.context_of(self.model, self.spec.model, self.data, held_out)
            usual = usual_columns(self.model, self.data.values(held_out.x), known, seed=seed)
        context = self._context(given, len(values))
        return explain(self.model, values, context, usual=usual, seed=seed, on_batch=on_batch)

    def impute(self, x: Any, *, given: Any = None, scaled: bool = False, draws: int = 0, seed: int = 0) -> Imputed:
        """The missing values (NaN) of x filled in, by what the model expects given the others: as model values.

        See `latente.evaluation.imputation.impute`; `unscaled` brings its ``mean``, and each of its ``draws``, to the
        data's own units. Where too few effective codes carry it, a `LatenteWarning` says so.

        Raises:
            SpecError: a model without ``missing = true``. DataError: as `encode`.
        """
        values = self._values(x, scaled=scaled)
        found = impute(self.model, values, self._context(given, len(values)), draws=draws, seed=seed)
        for message in found.warnings():
            warnings.warn(message, LatenteWarning, stacklevel=2)
        return found

    def terms(self, x: Any, *, given: Any = None, scaled: bool = False) -> dict[str, Floats]:
        """Loss, reconstruction and KL of each of x in nats, shape (n,): see `latente.evaluation.row_terms.row_terms`.

        The evidence lower bound is −(reconstruction + kl). Arguments and errors as `encode`.
        """
        values = self._values(x, scaled=scaled)
        objective = objectives.make(self.spec.model.objective)
        return row_terms(self.model, objective, values, self._context(given, len(values)), opponent=self.opponent)

    def given(self, rows: Sequence[Any]) -> Floats:
        """What a conditional model is given beside n examples, shape (n, context_size); the data is not needed.

        Args:
            rows: class numbers or names; or for ``condition = "columns"`` a row of values each, as a person writes
                them: ``[[45, "f"], [38.5, "m"]]``.

        Raises:
            SpecError: the model is not conditioned on anything.
            DataError: a class or value that there is not.
        """
        found = self._context(list(rows), len(rows))
        assert found is not None
        return found

    def _context(self, given: Any, n: int) -> Floats | None:
        return model_context(given, n, self.spec.model.condition, self.model.context_size, self.card)

    def _values(self, x: Any, *, scaled: bool) -> Floats:
        return model_values(x, self.model, self.spec.data, self.card, self.units, scaled=scaled)

    def explore(self, *others: Run, split: str = "validation", lang: str | None = None) -> Any:
        """A page to walk in the latent space: see `latente.explore`, which this calls."""
        import latente

        return latente.explore(self, *others, split=split, lang=lang)

    def plot(self, what: str = "training", *, lang: str | None = None) -> Any:
        """A matplotlib figure of the training, reconstructions, samples or codes: see `latente.plot_run`."""
        import latente

        return latente.plot_run(self, what, lang)

    def export(self, to: str, folder: str | Path) -> Path:
        """The model as files for "torch", "keras" or "onnx", in a new folder: see `latente.export_run`."""
        import latente

        return latente.export_run(self, to, folder)

    def save(self, path: str | Path) -> Path:
        """Write spec, weights, history, metrics and data card to a folder, each file in one step.

        Raises:
            StoreError: the folder holds something else, or cannot be written.
        """
        folder = Path(path)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise StoreError(f"{folder}: exists and is not empty; choose another place, for nothing is overwritten")
        self.write(make_folder(folder))
        return folder

    def write(self, folder: Path) -> None:
        """As `save`, into a folder that is there and may hold the files of this run already.

        Then only its numbers are written, together with those that another process wrote since: both are kept, there
        and in this run.

        Raises:
            StoreError: it holds another run, or cannot be written.
        """
        found = self.metrics, self.measured, self._per_example, self.test_accesses, self.seconds
        numbers = Numbers(*found, self.codes)
        with manifest.locked(folder):
            for place in (folder, folder / SCORES):
                clear_parts(place)
            if not is_finished(folder):
                manifest.write(folder, written(self._kept(numbers)))
                return
            theirs = manifest.reading(folder, read)
            if not _is_same(theirs, self._kept(numbers)):
                raise StoreError(f"{folder}: holds another run; choose another place, for nothing is overwritten")
            numbers = merged(numbers, theirs.numbers)
            manifest.write(folder, written_numbers(numbers, self.spec.name), own_files(folder))
        self.metrics, self.measured, self._per_example = numbers.metrics, numbers.measured, numbers.examples
        self.test_accesses, self.codes = numbers.test_accesses, numbers.codes

    def _kept(self, numbers: Numbers) -> SavedRun:
        arrays = store.flatten(self.model, "") | store.flatten(self.opponent, "opponent.")
        prior = None
        if self.fitted is not None:
            prior = part_of(self.fitted)
            arrays |= store.flatten(self.fitted, "fitted.")
        return SavedRun(
            self.spec,
            spec_table(self.spec, self.model, self.plugins),
            self.card,
            prior,
            arrays,
            self.frames,
            self.history,
            numbers,
            self._known_units(),
            self.plugins,
        )


def _is_same(kept: SavedRun, other: SavedRun) -> bool:
    """Whether two runs are of one training: equal weights are never by chance."""
    # An older run has not all arrays on the disk that its model has.
    a, b = kept.weights, other.weights
    same = kept.prior == other.prior and a.keys() <= b.keys()
    return same and all(np.array_equal(a[k], b[k], equal_nan=a[k].dtype.kind == "f") for k in a)


def fit(
    model: ModelSpec,
    data: Data,
    *,
    epochs: int = 20,
    seed: int = 0,
    name: str = "run",
    checkpoint: str | Path | None = None,
    on_epoch: OnEpoch | None = None,
    progress: bool | None = None,
    start: Run | str | Path | None = None,
    freeze: str | Sequence[str] = (),
    require_all: bool = False,
    **train: Any,
) -> Run:
    """Train one model.

    Args:
        model: for instance ``latente.VAE(latent_dim=2)``.
        data: from `latente.load_data`.
        epochs: passes over the training part.
        seed: of the weights, the order and the noise.
        name: what the run is called.
        checkpoint: a file to keep the state in; where it exists, training goes on from it.
        on_epoch: called with an `Epoch` after every epoch.
        progress: whether a line on the terminal or in the notebook says how it goes; by default where there is no
            ``on_epoch`` of yours. Anywhere else nothing is written.
        start: a run, its folder or ``hf://user/name``, whose weights it begins with; ``model`` is often its own
            ``run.spec.model``. What does not fit by shape or meaning is made anew, and said (docs/fine-tuning.md).
        freeze: what of them is held fixed, by name: "encoder", or ["encoder", "decoder.layers.0"].
        require_all: refuse unless all of them fit.
        train: any other field of `TrainSpec`, for instance ``batch_size=64`` or ``patience=5``.

    Raises:
        SpecError: a wrong value, or parts that do not pair.
        DataError: data the model cannot take.
        StoreError: ``start`` is no run, or damaged.
        TrainingError: the loss stopped being finite.
    """
    if not isinstance(model, ModelSpec):
        raise SpecError(f"model: got {type(model).__name__}; allowed: a spec such as latente.VAE(latent_dim=2)")
    if not isinstance(data, Data):
        raise SpecError(f"data: got {type(data).__name__}; allowed: what latente.load_data(...) returns")
    spec = RunSpec(name, seed, model, build_spec(TrainSpec, {"epochs": epochs, **train}, "train"), data.spec)
    if start is None and (freeze or require_all):
        raise SpecError("freeze: got no start, the run whose weights are held fixed; give start=run, or a run's folder")
    parent = start if isinstance(start, Run) else None if start is None else load(start)
    if start is not None:
        where = IN_MEMORY if isinstance(start, Run) else str(start) if is_hub(start) else str(Path(start).absolute())
        begins = build_spec(StartSpec, {"run": where, "freeze": freeze, "require_all": require_all}, "start")
        spec = dataclasses.replace(spec, start=begins)
    if checkpoint is not None:
        make_folder(Path(checkpoint).parent)
    place = None if checkpoint is None else Path(checkpoint)
    wanted = on_epoch is None if progress is None else progress
    with fitting(spec) if wanted else contextlib.nullcontext() as show:

        def both(epoch: Epoch) -> None:
            for call in (show, on_epoch):
                if call is not None:
                    call(epoch)

        hook = both if show is not None else on_epoch
        return train_run(spec, data, parent=parent, checkpoint=place, on_epoch=hook)


def train_run(
    spec: RunSpec,
    data: Data,
    *,
    parent: Run | None = None,
    checkpoint: Path | None = None,
    on_epoch: OnEpoch | None = None,
) -> Run:
    """Train what a spec says; see `latente.training.fit.fit`. ``parent`` is the run it begins with; None to load it."""
    if spec.start is not None:
        parent = load(spec.start.run) if parent is None else parent
        spec = with_parent(spec, data, parent)
    fitted = fit_run(
        spec, data, parent=None if parent is None else parent._as_parent(), checkpoint=checkpoint, on_epoch=on_epoch
    )
    return Run(
        spec,
        fitted.model,
        fitted.history,
        fitted.frames,
        fitted.seconds,
        data.card(),
        opponent=fitted.opponent,
        _data=data,
        _units=data.units,
        plugins=used(parts_used(spec)),
    )


def with_parent(spec: RunSpec, data: Data, parent: Run | None = None) -> RunSpec:
    """A spec whose ``start`` says all of the run that it begins with, after checking that it can; others as they are.

    Args:
        spec: of a run.
        data: what it will be trained on.
        parent: the run that it begins with; None to load it.

    Raises:
        SpecError: as `latente.training.transfer.transferred`, or it is not the run whose fingerprint is asked for.
        StoreError: there is no such run, or it is damaged.
    """
    if spec.start is None:
        return spec
    found = (load(spec.start.run) if parent is None else parent)._as_parent()
    objective = objectives.make(spec.model.objective)
    model = eqx.filter_eval_shape(model_for, spec, data)
    opponent = eqx.filter_eval_shape(lambda m: objective.opponent(m, key=jr.key(0)), model)
    fits = transferred(spec, model, opponent, data.card(), found)
    return dataclasses.replace(spec, start=filled_in(spec.start, fits, found))


def load(path: str | Path, *, data: Data | AnySource | None = None) -> Run:
    """The run that `Run.save` or a study wrote.

    Args:
        path: the run's folder; or the folder of a model's seeds, where there is one.
        data: its data set, or where it is now (a path, a name or arrays); otherwise it is read again from its source
            when it is first needed.

    Raises:
        StoreError: a file is missing, damaged or of another model; or a plug-in that the model needs is not there.
        DataError: ``data`` is not what the run was trained on.
    """
    folder = one_run_folder(Path(path))
    kept = manifest.reading(folder, read)
    require(of_kind(kept.used, "data set", others=True), folder)
    shape = tuple(kept.card["shape"])
    try:
        template, other = eqx.filter_eval_shape(_templates, kept.spec, shape, kept.card)
    except (SpecError, DataError, TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise StoreError(f"{folder}: spec.json and data.json make no model ({error}); one is damaged") from None
    where = str(folder / WEIGHTS)
    older = {f"likelihood.{name}": value for name, value in template.likelihood.legacy_arrays().items()}
    weights = kept.weights if older.keys() & kept.weights.keys() else older | kept.weights
    model = store.unflatten(template, weights, "", where)
    opponent = None if other is None else store.unflatten(other, weights, "opponent.", where)
    fitted = None
    if kept.prior is not None:
        try:
            blank = eqx.filter_eval_shape(blank_prior, kept.prior, model.code_size, key=jr.key(0))
        except (LatenteError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise StoreError(f"{folder / PRIOR}: is damaged or of another version ({error})") from None
        fitted = store.unflatten(blank, weights, "fitted.", where)
    numbers = kept.numbers
    return Run(
        kept.spec,
        model,
        kept.history,
        kept.frames,
        numbers.seconds,
        kept.card,
        numbers.metrics,
        None if data is None else read_data(kept.spec.data, kept.card, data),
        opponent,
        fitted,
        numbers.measured,
        numbers.examples,
        numbers.test_accesses,
        numbers.codes,
        _units=kept.units,
        plugins=kept.used,
    )


def _templates(spec: RunSpec, shape: tuple[int, ...], card: dict[str, Any]) -> tuple[Autoencoder, Opponent | None]:
    objective = objectives.make(spec.model.objective)
    model = new_model(spec, shape, len(card["classes"]), len(card.get("columns", [])))
    return model, objective.opponent(model, key=jr.key(0))
