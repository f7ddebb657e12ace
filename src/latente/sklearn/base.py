"""What all estimators share: options, learning what the columns are, training, and files that are safe to load."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from latente.data.frames import library_of
from latente.data.load import ARRAYS
from latente.data.notes import listed
from latente.data.source import DataColumn, make_source
from latente.data.split import Data, Split, split_source
from latente.data.table_schema import learn
from latente.errors import DataError, LatenteWarning, SpecError, StoreError, unknown
from latente.evaluation.run import Run
from latente.evaluation.run import fit as fit_run
from latente.evaluation.spec_file import parts_used
from latente.objective.presets import FAMILIES, changed, keywords, preset, presets
from latente.plain import as_html, as_text
from latente.plugins import used
from latente.sklearn.files import SavedEstimator, Schema, read_estimator, write_estimator
from latente.sklearn.pixels import PixelSchema, learn_pixels
from latente.spec import ModelSpec, RunSpec, TrainSpec, build
from latente.spec import part as part_of
from latente.training.fit import Passed, one_pass

Floats = NDArray[np.float32]

BATCH_SIZE, LARGEST_BATCH = 128, 512
"""Rows in a batch by default; from 25,600 rows on a two-hundredth of them, up to the second."""
FAST: dict[str, Any] = {"schedule": "warmup-cosine", "learning_rate": 3e-3}
"""How an estimator trains unless it is said otherwise; the number of epochs and the patience depend on the rows."""
LEAST_EPOCHS, LEAST_STEPS = 20, 1000
"""The epochs by default: so many, or more where that many would be fewer steps than these."""
PATIENCE, PATIENCE_STEPS = 5, 100
"""The epochs without a lower validation loss after which training stops by default, and the steps that they are at
least."""
MOST_LATENTS = 16
MOST_LINES = 12
"""The columns that a summary has a line for each of; of more it counts the kinds."""
KEPT_APART = ("run_", "schema_", "spec_", "feature_names_in_")
"""What is learnt and has a place of its own in an estimator's folder."""

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
        verbose: whether a bar on the terminal, or a view in the notebook, says how the training goes; by default where
            there is one of them.

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
        verbose: bool | None = None,
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
        self._options: dict[str, Any] = {}
        self._set_options(options, TypeError)

    # Parameters

    def _own_parameters(self) -> list[str]:
        """The names of the parameters of ``__init__`` but for the options."""
        names: list[str] = self._get_param_names()
        return names

    def _set_options(self, options: Mapping[str, Any], kind: type[Exception]) -> None:
        known = self._known_options({**self._options, **options})
        for name in options:
            if known is not None and name not in known:
                own = [*self._own_parameters(), *known]
                raise kind(f"{type(self).__name__}: {unknown('parameter', name, own)}")
        self._options = {**self._options, **options}

    def __getattr__(self, name: str) -> Any:
        if name != "_options" and name in self._options:
            return self._options[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self).get("_options", {}):
            self._options = {**self._options, name: value}
        else:
            super().__setattr__(name, value)

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
        return tags

    # Reading rows

    def _read(self, x: Any, *, reset: bool) -> Any:
        """Rows checked as scikit-learn does: an array as an array, a frame as it is. Names and number of columns are
        learnt or compared; where both tables are frames, columns are matched by name instead (see `TableSchema`)."""
        framed = library_of(x) != "numpy"
        if not framed:
            return validate_data(
                self, x, reset=reset, dtype=None if reset or not isinstance(self.schema_, PixelSchema) else "numeric",
                ensure_all_finite="allow-nan", ensure_min_samples=2 if reset else 1,
            )  # fmt: skip
        names = list(x.columns) if hasattr(x, "columns") else []
        again = sorted({str(name) for name in names if names.count(name) > 1})
        if again:
            raise DataError(f"X has more than one column called {listed(again)}; rename or remove them")
        if reset:
            validate_data(self, x, reset=True, skip_check_array=True)
        elif self._by_position():
            validate_data(self, x, reset=False, skip_check_array=True)
        return x

    def _by_position(self) -> bool:
        """Whether columns are matched by their places, as those of arrays are."""
        return isinstance(self.schema_, PixelSchema) or self.schema_.library == "numpy"

    def _learn(self, x: Any) -> Any:
        """Learn the schema of rows; the rows as they were read."""
        rows = self._read(x, reset=True)
        pixels = None
        if self.image_shape is not False and (numbers := _numbers(rows)) is not None:
            pixels = learn_pixels(numbers, self.image_shape)
        self.schema_: Schema = pixels or learn(rows, kinds=self.kinds, ignore=self.ignore)
        return rows

    def _encoded(self, rows: Any) -> Floats:
        """Rows as `_read` gave them, as model values."""
        if isinstance(self.schema_, PixelSchema):
            numbers = _numbers(rows)
            if numbers is None:
                raise ValueError("X holds texts or dates; allowed: pixels, as fit had them")
            return self.schema_.encode(numbers)
        return self.schema_.encode(rows)

    def _values(self, x: Any) -> Floats:
        """Rows as model values, shape (n, *shape).

        Raises:
            NotFittedError: before `fit`.
            ValueError, TypeError: rows that are not like those of `fit`, in scikit-learn's words where it has them.
        """
        check_is_fitted(self, "run_")
        return self._checked(self._encoded(self._read(x, reset=False)))

    def _checked(self, values: Floats) -> Floats:
        if not self.run_.model.missing and np.isnan(values).any():
            raise ValueError(
                f"Input X contains NaN.\n{type(self).__name__} was fitted without missing values and does not accept "
                "them afterwards; fit it with rows that have some, or with missing=True."
            )
        self.run_.model.likelihood.check(values, self.run_.model.shape)
        return values

    def _rows(self, values: NDArray[np.floating], like: Any = None, *, index: Any = None) -> Any:
        """Model values, shape (n, *shape), as rows like those of `fit`, or as the kind of table that ``like`` is.

        ``index`` is that of a pandas frame, where ``like`` has none.
        """
        if isinstance(self.schema_, PixelSchema):
            return _framed(self.schema_.decode(values), like)
        return self.schema_.decode(values, like, index=index)

    def _features(self) -> tuple[DataColumn, ...]:
        """The columns that the model sees, for the data card; none of images."""
        if isinstance(self.schema_, PixelSchema):
            return ()
        return tuple(DataColumn(c.name, tuple(map(str, c.levels)) if c.coded else ()) for c in self.schema_.modelled)

    def _context(self, given: Any, n: int) -> Floats | None:
        """What a conditional model is given beside n rows, shape (n, context_size), of their labels; None without.

        Raises:
            ValueError: labels that `fit` did not see, or another number of them; none for a model that needs them.
            SpecError: labels for a model that takes none.
        """
        if given is None and self.run_.model.is_conditional:
            raise ValueError(
                f"this {type(self).__name__} is conditioned on labels, and got none: give them, as in "
                "transform(X, given=y) or sample(2, given=[0, 1]); in a pipeline, set_transform_request(given=True)"
            )
        if given is None or not self.run_.model.context_size:
            return self.run_._context(given, n)
        names = self._label_names(given, n)
        return self.run_._context(names, n)

    def _label_names(self, labels: Any, n: int) -> NDArray[np.str_]:
        """Labels as `fit` called them, shape (n,)."""
        found = make_source(ARRAYS, np.zeros((n, 1), np.float32), labels)
        known = self.run_.card["classes"]
        new = [name for name in found.classes if name not in known]
        if new:
            raise ValueError(f"y contains previously unseen labels: {new}; fit saw {known}")
        assert found.y is not None
        return np.array(found.classes)[found.y]

    # Training

    def _seed(self, random_state: Any = None) -> int:
        """The seed of a training or of draws: a whole number itself, else one drawn from the generator."""
        state = self.random_state if random_state is None else random_state
        if isinstance(state, int | np.integer) and not isinstance(state, bool):
            return int(state)
        return int(check_random_state(state).randint(2**31 - 1))

    def _train(self, x: Any, y: Any = None, sample_weight: Any = None) -> None:
        """Learn the columns, hold rows out and train: sets ``schema_``, ``spec_``, ``run_`` and ``n_iter_``."""
        rows, seed = self._learn(x), self._seed()
        data = self._data(self._encoded(rows), y, sample_weight, seed)
        self.spec_ = self._model_spec(data)
        self._warn_of_latents(data)
        train = self._train_spec(len(data.train))
        options = {f.name: getattr(train, f.name) for f in dataclasses.fields(train)}
        self.run_ = fit_run(self.spec_, data, seed=seed, name=self._run_name(), progress=self.verbose, **options)
        self.n_iter_ = len(self.run_.history["loss"])
        self._passed: Passed | None = None

    def _warn_of_latents(self, data: Data) -> None:
        columns = math.prod(data.shape)
        if self.spec_.latent_dim > columns:
            warnings.warn(
                f"{self.spec_.latent_dim} latents for {columns} columns: nothing is compressed; take a latent_dim of "
                f"at most {columns}",
                LatenteWarning,
                stacklevel=4,
            )

    def _train_on(self, x: Any, y: Any = None, sample_weight: Any = None) -> None:
        """Train once through rows, from where the last training left off; sets what `_train` sets."""
        if not hasattr(self, "run_"):
            rows, seed = self._learn(x), self._seed()
            data = self._data(self._encoded(rows), y, sample_weight, seed)
            self.spec_ = self._model_spec(data)
            before, trained, history = None, None, {}
        else:
            data = self._next_data(self._values(x), y, sample_weight)
            seed, before, history = self.run_.spec.seed, self._passed, self.run_.history
            trained = (self.run_.model, self.run_.opponent) if before is None else None
        train = self._train_spec(len(data.train), {"schedule": "constant", "learning_rate": TrainSpec().learning_rate})
        spec = RunSpec(self._run_name(), seed, self.spec_, train, data.spec)
        passed = one_pass(spec, data, before, trained=trained)
        row = {k: np.array([v], np.float32) for k, v in passed.logs.items()}
        joined = {k: np.concatenate([history[k], v]) if history else v for k, v in row.items()}
        epochs = len(joined["loss"])
        spec = dataclasses.replace(spec, train=dataclasses.replace(train, epochs=epochs, patience=0))
        kept, card = (data, data.card()) if not history else (self.run_.data, self.run_.card)
        seconds = passed.seconds if before is not None or not history else passed.seconds + self.run_.seconds
        self.run_ = Run(
            spec, passed.state.model, joined, None, seconds, card,
            opponent=passed.state.opponent, _data=kept, _units=kept.units, plugins=used(parts_used(spec)),
        )  # fmt: skip
        self._passed, self.n_iter_ = dataclasses.replace(passed, seconds=seconds), epochs

    def _next_data(self, values: Floats, y: Any, sample_weight: Any) -> Data:
        """Rows to train on after the first, with the rows held out then."""
        first = self.run_.data
        weight, codes = None, None
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, values, dtype=np.float32, ensure_non_negative=True)
            values, y = values[weight > 0], None if y is None else np.asarray(y)[weight > 0]
            weight = weight[weight > 0]
        if first.classes:
            if y is None:
                raise SpecError('condition = "labels": got no y; give the labels of these rows too')
            names = self._label_names(y, len(values))
            codes = np.array([first.classes.index(name) for name in names], np.int64)
        return dataclasses.replace(first, train=Split(values, codes, weight=weight))

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
        features = self._features()
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

    def _train_spec(self, rows: int, recipe: Mapping[str, Any] = FAST) -> TrainSpec:
        given = {k: v for k, v in self._options.items() if k in TRAINING}
        size = given.get("batch_size", min(max(BATCH_SIZE, min(rows // 200, LARGEST_BATCH)), rows))
        steps = math.ceil(rows / size) if isinstance(size, int) and size > 0 else 1
        defaults = {
            **recipe,
            "batch_size": size,
            "epochs": max(LEAST_EPOCHS, math.ceil(LEAST_STEPS / steps)) if self.epochs is None else self.epochs,
            "patience": max(PATIENCE, math.ceil(PATIENCE_STEPS / steps)),
        }
        return build(TrainSpec, {**defaults, **given}, "train")

    def _run_name(self) -> str:
        return self.model if isinstance(self.model, str) else "autoencoder"

    # Files

    def save(self, path: Any) -> Path:
        """Write the estimator to a folder: parameters and columns as JSON, what it learnt as arrays, and ``run_``'s
        folder in ``run``. Unlike a pickle it is safe to load a stranger's.

        Raises:
            NotFittedError: before `fit`. StoreError: the folder holds something, or cannot be written; or a parameter
                is nothing that JSON has.
        """
        check_is_fitted(self, "run_")
        names = getattr(self, "feature_names_in_", None)
        learnt = {
            k: np.asarray(v) for k, v in vars(self).items()
            if k.endswith("_") and not k.startswith("_") and k not in KEPT_APART
        }  # fmt: skip
        saved = SavedEstimator(
            type(self).__name__, self.get_params(deep=False), self.schema_,
            None if names is None else list(map(str, names)), learnt, self.run_,
        )  # fmt: skip
        return write_estimator(path, saved)

    @classmethod
    def load(cls, path: Any) -> Self:
        """The estimator that `save` wrote; nothing is unpickled.

        Raises:
            StoreError: a file is missing, damaged, or of another class or version.
        """
        saved = read_estimator(path)
        if saved.kind != cls.__name__:
            raise StoreError(f"{path}: holds {saved.kind}; allowed here: {cls.__name__}")
        try:
            made = cls(**saved.params)
        except TypeError as error:
            raise StoreError(f"{path}: its parameters are damaged or of another version of latente ({error})") from None
        made.schema_, made.run_, made.spec_, made._passed = saved.schema, saved.run, saved.run.spec.model, None
        if saved.names is not None:
            made.feature_names_in_ = np.array(saved.names, object)
        for name, value in saved.learnt.items():
            if not name.endswith("_") or name.startswith("_") or name in KEPT_APART:
                raise StoreError(f"{path}: {name!r} is nothing that an estimator learns; take another copy")
            setattr(made, name, value if value.ndim else value.item())
        return made

    # What was decided

    def _repr_html_inner(self) -> str:
        """The diagram of scikit-learn, and what `fit` decided below it."""
        return str(super()._repr_html_inner()) + (self.summary()._repr_html_() if hasattr(self, "run_") else "")

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle: dict[str, str] = super()._repr_mimebundle_(**kwargs)
        return bundle | ({"text/html": self._repr_html_inner()} if "text/html" in bundle else {})

    def _columns_said(self) -> list[tuple[str, object]]:
        """What the columns are: each, or where there are many how many of each kind."""
        said: list[tuple[str, object]] = list(self.schema_.summary())
        if len(said) <= MOST_LINES or isinstance(self.schema_, PixelSchema):
            return said
        kinds = Counter(c.kind for c in self.schema_.columns)
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        return [("columns", f"{len(said)}: {counts} (schema_.summary() has each)")]

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
            *self._columns_said(),
            ("likelihood", part_of(spec.likelihood)[0]),
            ("latents", f"{spec.latent_dim}" + ("" if self.latent_dim else ": √columns, at most 16")),
            ("rows", f"{counts['train']:,} to train on, {counts['validation']:,} held out to stop by"),
            ("training", f"{self.n_iter_} of at most {most} epochs, patience {train.patience}; learning rate "
                         f"{train.learning_rate:g}, {train.schedule}; {run.seconds:.1f} s"),
            ("last epoch", ", ".join(f"{k} {history[k][-1]:.4g}" for k in ("loss", "val_loss"))),
            ("seed", run.spec.seed),
        ]  # fmt: skip
        return Summary(f"{type(self).__name__} {self._run_name()}", rows)


def _numbers(rows: Any) -> NDArray[Any] | None:
    """Rows as one array of numbers; None for a table of anything else."""
    if isinstance(rows, np.ndarray):
        return rows if rows.dtype.kind in "buif" else None
    frame = nw.from_native(rows)
    return frame.to_numpy() if all(kind.is_numeric() for kind in frame.schema.values()) else None


def _framed(x: NDArray[Any], like: Any) -> Any:
    """An array as a frame like another, with its names and the index of pandas; as it is where that is no frame."""
    if like is None or library_of(like) == "numpy":
        return x
    frame = nw.from_native(like, eager_only=True)
    made = nw.from_numpy(x, frame.columns, backend=frame.implementation).to_native()
    if hasattr(like, "index") and len(like) == len(x):
        made.index = like.index
    return made
