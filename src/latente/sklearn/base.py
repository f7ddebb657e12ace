"""What all estimators share: options, learning what the columns are, training, and files that are safe to load."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from latente.data.load import ARRAYS
from latente.data.source import DataColumn, make_source
from latente.data.split import Data, split_source
from latente.errors import SpecError, unknown
from latente.evaluation.run import fit as fit_run
from latente.model.likelihoods import likelihoods
from latente.objective.presets import FAMILIES, changed, keywords, preset, presets
from latente.plain import as_html, as_text
from latente.sklearn.pixels import PixelSchema, learn_pixels
from latente.spec import ModelSpec, Part, TrainSpec, build
from latente.spec import part as part_of

Floats = NDArray[np.float32]

FAST: dict[str, Any] = {"batch_size": 128, "schedule": "warmup-cosine", "learning_rate": 3e-3}
"""How an estimator trains unless it is said otherwise; the number of epochs and the patience depend on the rows."""
LEAST_EPOCHS, LEAST_STEPS = 20, 1000
"""The epochs by default: so many, or more where that many would be fewer steps than these."""
PATIENCE, PATIENCE_STEPS = 5, 100
"""The epochs without a lower validation loss after which training stops by default, and the steps that they are at
least."""
MOST_LATENTS = 16

TRAINING = tuple(f.name for f in dataclasses.fields(TrainSpec))
PARTS = tuple(f.name for f in dataclasses.fields(ModelSpec))


def default_latents(columns: int) -> int:
    """The latent size where none is given: the square root of the number of columns, rounded up, at most 16."""
    return min(MOST_LATENTS, math.isqrt(max(columns, 1) - 1) + 1)


class Summary:
    """A title with labelled lines, which shows itself as text and in a notebook as a table."""

    def __init__(self, title: str, rows: list[tuple[str, object]]) -> None:
        self.title, self.rows = title, rows

    def __repr__(self) -> str:
        return as_text(self.title, self.rows)

    def _repr_html_(self) -> str:
        return as_html(self.title, self.rows)


class ModelEstimator(BaseEstimator):  # type: ignore[misc]
    """The base of latente's estimators: it learns what the columns of a table are, and trains a model on them.

    Parameters are kept as they are given; options are keywords beside the named ones: any field of
    `latente.spec.ModelSpec` (``hidden=(64,)``), of `latente.spec.TrainSpec` (``batch_size=64``, ``patience=10``), or an
    option of one of the model's parts by its name (``beta=4.0``).

    Args:
        model: the name of a preset (``latente models`` lists them), or a `latente.ModelSpec`, whose parts are taken as
            they are.
        latent_dim: the number of latents; by default that of a spec, or `default_latents` of the columns.
        epochs: passes over the training rows at most; by default 20, or as many as make 1000 steps.
        kinds: what columns are where their values do not tell it, by name: see `latente.data.table_schema.learn`.
        ignore: names of columns to leave out.
        image_shape: the shape of one image if rows are pixels; True or False to say whether they are; by default the
            values tell (see `latente.sklearn.pixels.learn_pixels`).
        validation: the share of the rows that is held out, to stop early by; above 0, below 1.
        random_state: a whole number for equal results every time, a `numpy.random.RandomState`, or None.
        verbose: whether a line on the terminal or in the notebook says how the training goes.

    Attributes:
        run_: the `latente.Run` behind it: its scores, report and explorer. The rows held out are
            ``run_.data.validation``.
        spec_: the model's spec, with everything that was decided.
        schema_: how rows become model values, and back.
        n_features_in_, feature_names_in_: as everywhere in scikit-learn.
        n_iter_: epochs trained.
    """

    def __init__(
        self,
        model: str | ModelSpec = "VAE",
        *,
        latent_dim: int | None = None,
        epochs: int | None = None,
        kinds: Mapping[str, str] | None = None,
        ignore: Any = (),
        image_shape: Any = None,
        validation: float = 0.1,
        random_state: Any = None,
        verbose: bool = False,
        **options: Any,
    ) -> None:
        self.model = model
        self.latent_dim = latent_dim
        self.epochs = epochs
        self.kinds = kinds
        self.ignore = ignore
        self.image_shape = image_shape
        self.validation = validation
        self.random_state = random_state
        self.verbose = verbose
        self._set_options(options, TypeError)

    # Parameters

    def _own_parameters(self) -> list[str]:
        """The names of the parameters of ``__init__`` but for the options."""
        names: list[str] = self._get_param_names()
        return names

    @property
    def _options(self) -> dict[str, Any]:
        """The options that were given, by name: what is kept beside the named parameters and nothing that is learnt."""
        own = {*self._own_parameters(), "feature_names_in_"}
        return {k: v for k, v in vars(self).items() if not k.startswith("_") and not k.endswith("_") and k not in own}

    def _set_options(self, options: Mapping[str, Any], kind: type[Exception]) -> None:
        known = self._known_options({**self._options, **options})
        for name in options:
            if known is not None and name not in known:
                own = [*self._own_parameters(), *known]
                raise kind(f"{type(self).__name__}: {unknown('parameter', name, own)}")
        for name, value in options.items():
            setattr(self, name, value)

    def _known_options(self, options: Mapping[str, Any]) -> list[str] | None:
        """The options that the model has; None where the name of the model or of a part is none."""
        model = self.model
        if not isinstance(model, ModelSpec) and not (isinstance(model, str) and model in presets):
            return None
        parts = {k: v for k, v in options.items() if k in FAMILIES}
        try:
            spec = preset(model, **parts) if isinstance(model, str) else changed(model, **parts)
            named = keywords(model if isinstance(model, str) else "", spec)
        except ValueError:
            return None
        return [name for name in dict.fromkeys([*named, *TRAINING]) if name not in self._own_parameters()]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The named parameters and the options that were given."""
        found: dict[str, Any] = super().get_params(deep=deep)
        return found | self._options

    def set_params(self, **params: Any) -> ModelEstimator:
        """Set parameters and options, also options that were not given before.

        Raises:
            ValueError: a name that is neither.
        """
        own = self._own_parameters()
        super().set_params(**{k: v for k, v in params.items() if k.partition("__")[0] in own})
        self._set_options({k: v for k, v in params.items() if k.partition("__")[0] not in own}, ValueError)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        if tags.transformer_tags is not None:
            tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    # Reading rows

    def _read(self, x: Any, *, reset: bool) -> NDArray[Any]:
        """Rows checked as scikit-learn does, as an array; names and number of columns are learnt or compared."""
        found: NDArray[Any] = validate_data(
            self, x, reset=reset, dtype="numeric", ensure_all_finite="allow-nan", ensure_min_samples=2 if reset else 1
        )
        return found

    def _learn(self, x: Any) -> NDArray[Any]:
        """Learn the schema of rows; the rows as they were read."""
        rows = self._read(x, reset=True)
        self.schema_ = learn_pixels(rows, self.image_shape) or _Reals(self._names(rows.shape[1]), rows.dtype.name)
        return rows

    def _names(self, count: int) -> tuple[str, ...]:
        names = getattr(self, "feature_names_in_", None)
        return tuple(f"x{i}" for i in range(count)) if names is None else tuple(map(str, names))

    def _values(self, x: Any) -> Floats:
        """Rows as model values, shape (n, *shape).

        Raises:
            NotFittedError: before `fit`.
            ValueError, TypeError: rows that are not like those of `fit`, in scikit-learn's words where it has them.
        """
        check_is_fitted(self, "run_")
        return self._checked(self.schema_.encode(self._read(x, reset=False)))

    def _checked(self, values: Floats) -> Floats:
        if not self.run_.model.missing and np.isnan(values).any():
            raise ValueError(
                f"Input X contains NaN.\n{type(self).__name__} was fitted without missing values and does not accept "
                "them afterwards; fit it with rows that have some, or with missing=True."
            )
        self.run_.model.likelihood.check(values, self.run_.model.shape)
        return values

    def _rows(self, values: NDArray[np.floating], like: Any = None) -> Any:
        """Model values, shape (n, *shape), as rows like those of `fit`, or like ``like``."""
        return self.schema_.decode(values)

    def _context(self, given: Any, n: int) -> Floats | None:
        """What a conditional model is given beside n rows (see `latente.Run.encode`)."""
        return self.run_._context(given, n)

    # Training

    def _seed(self) -> int:
        state = self.random_state
        if isinstance(state, int | np.integer) and not isinstance(state, bool):
            return int(state)
        return int(check_random_state(state).randint(2**31 - 1))

    def _train(self, x: Any, y: Any = None, sample_weight: Any = None) -> None:
        """Learn the columns, hold rows out and train: sets ``schema_``, ``spec_``, ``run_`` and ``n_iter_``."""
        rows, seed = self._learn(x), self._seed()
        data = self._data(self.schema_.encode(rows), y, sample_weight, seed)
        self.spec_ = self._model_spec(data)
        train = self._train_spec(len(data.train))
        options = {f.name: getattr(train, f.name) for f in dataclasses.fields(train)}
        self.run_ = fit_run(self.spec_, data, seed=seed, name=self._run_name(), progress=bool(self.verbose), **options)
        self.n_iter_ = len(self.run_.history["loss"])

    def _data(self, values: Floats, y: Any, sample_weight: Any, seed: int) -> Data:
        """Rows split into those to train on and those held out; rows of weight 0 are left out."""
        keep: Any = slice(None)
        weight: Floats | None = None
        if sample_weight is not None:
            given = _check_sample_weight(sample_weight, values, dtype=np.float64, ensure_non_negative=True)
            keep = given > 0
            # Their mean is one: a factor that all have in common says nothing.
            weight = np.asarray(given[keep] / given[keep].mean(), np.float32)
        labels = None if y is None or not self._needs_labels() else np.asarray(y)[keep]
        source = make_source(ARRAYS, values[keep], labels, missing=True)
        features = tuple(DataColumn(name) for name in self.schema_.names) if values.ndim == 2 else ()
        source = dataclasses.replace(source, features=features, weight=weight)
        missing = "keep" if np.isnan(values).any() else "refuse"
        return split_source(source, validation=self.validation, test=0.0, seed=seed, scale="none", missing=missing)

    def _needs_labels(self) -> bool:
        spec = self._spec({})
        return spec.condition == "labels" or part_of(spec.objective)[0] == "m2"

    def _spec(self, defaults: Mapping[str, Any]) -> ModelSpec:
        changes = {k: v for k, v in self._options.items() if k not in TRAINING}
        if self.latent_dim is not None:
            changes["latent_dim"] = self.latent_dim
        if isinstance(self.model, str):
            return preset(self.model, **{**defaults, **changes})
        if isinstance(self.model, ModelSpec):
            return changed(self.model, **changes)
        raise SpecError(
            f"model: got {type(self.model).__name__}; allowed: the name of a preset, such as VAE, or a spec, such as "
            "latente.VAE(latent_dim=2)"
        )

    def _model_spec(self, data: Data) -> ModelSpec:
        """The model's spec: what was asked for, and for a preset what the data decides about the rest."""
        plain = self._spec({})
        defaults: dict[str, Any] = {"latent_dim": default_latents(math.prod(data.shape)), "missing": data.missing}
        if plain.likelihood == ModelSpec().likelihood:
            defaults["likelihood"] = self.schema_.likelihood()
        return self._spec(defaults)

    def _train_spec(self, rows: int) -> TrainSpec:
        given = {k: v for k, v in self._options.items() if k in TRAINING}
        size = given.get("batch_size", FAST["batch_size"])
        if isinstance(size, int) and size > rows and "batch_size" not in given:
            size = rows
        steps = math.ceil(rows / size) if isinstance(size, int) and size > 0 else 1
        defaults = {
            **FAST,
            "batch_size": size,
            "epochs": max(LEAST_EPOCHS, math.ceil(LEAST_STEPS / steps)) if self.epochs is None else self.epochs,
            "patience": max(PATIENCE, math.ceil(PATIENCE_STEPS / steps)),
        }
        return build(TrainSpec, {**defaults, **given}, "train")

    def _run_name(self) -> str:
        return self.model if isinstance(self.model, str) else "autoencoder"

    # What was decided

    def summary(self) -> Summary:
        """What `fit` decided and why, in some lines.

        Raises:
            NotFittedError: before `fit`.
        """
        check_is_fitted(self, "run_")
        run, spec = self.run_, self.spec_
        train, history, counts = run.spec.train, run.history, run.card["counts"]
        most = train.epochs_for(counts["train"])
        rows: list[tuple[str, object]] = [
            *self.schema_.summary(),
            ("likelihood", likelihoods.name_of(run.model.likelihood)),
            ("latents", f"{spec.latent_dim}" + ("" if self.latent_dim else ": √columns, at most 16")),
            ("rows", f"{counts['train']:,} to train on, {counts['validation']:,} held out to stop by"),
            ("training", f"{self.n_iter_} of at most {most} epochs, patience {train.patience}; learning rate "
                         f"{train.learning_rate:g}, {train.schedule}; {run.seconds:.1f} s"),
            ("last epoch", ", ".join(f"{k} {history[k][-1]:.4g}" for k in ("loss", "val_loss"))),
            ("seed", run.spec.seed),
        ]  # fmt: skip
        return Summary(f"{type(self).__name__} {self._run_name()}", rows)


@dataclasses.dataclass(frozen=True)
class _Reals:
    """An array of real numbers, each column standardised by the likelihood."""

    names: tuple[str, ...]
    dtype: str

    def encode(self, x: NDArray[Any]) -> Floats:
        return np.asarray(check_array(x, dtype=np.float32, ensure_all_finite="allow-nan"), np.float32)

    def decode(self, values: NDArray[np.floating]) -> NDArray[Any]:
        return np.asarray(values, np.float32)

    def likelihood(self) -> Part:
        return {"name": "mixed", "columns": ["real"] * len(self.names)}

    def summary(self) -> list[tuple[str, str]]:
        return [("columns", f"{len(self.names)} of real numbers, standardised inside the model")]


Schema = PixelSchema | _Reals
