"""`Imputer`: missing cells of a table filled in by a model of its columns, with how sure each is."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from latente.data.frames import FrameColumn, read_frame, write_frame
from latente.data.split import Data
from latente.data.table_schema import TableColumn, TableSchema
from latente.errors import LatenteWarning, SpecError, unknown
from latente.evaluation.imputation import SAMPLES, Imputed, impute
from latente.evaluation.rubin import Pooled, estimates_of, pool
from latente.sklearn.base import FAST, LEAST_EPOCHS, Floats, ModelEstimator, Summary
from latente.spec import ModelSpec, TrainSpec

MECHANISMS = ("random", "self-masked")

HIDDEN, CODES = (32,), 10
"""The widths of the networks, and the codes of a training step: what was best on tables of 50 to 600 rows other than
those of ``benchmarks/imputation.py``."""

BATCH_SIZE, MOST_STEPS, PATIENCE_STEPS = 64, 2000, 500
"""Rows of a training step, how many steps are made at most (but 20 epochs), and after how many that were of no use
training stops."""

LATENTS = (4, 16)
"""The fewest latents and the most; between them a third of the columns, and never more than there are."""

TRANSFORMED = 200
"""Draws whose mean in the table's own units is that of a column whose numbers a model sees transformed."""


class Imputer(OneToOneFeatureMixin, TransformerMixin, ModelEstimator):  # type: ignore[misc]
    """Multiple imputation by a deep latent variable model (MIWAE, Mattei & Frellsen 2019, arXiv:1812.02633).

    Tables of any kind, with their data types: see `latente.data.table_schema`. What is not missing is never changed.

    Args:
        mechanism: why cells are missing. "random": whatever is missing depends on cells that are seen at most; or
            "self-masked": whether a cell is missing depends on its own value, as an income that is not told because it
            is high (not-MIWAE, Ipsen et al. 2021, arXiv:2006.12871; see the likelihood "self-masked"). Which of the two
            it is the table does not tell.
        samples: codes drawn for each row when its cells are filled in.
        model, latent_dim, epochs, kinds, ignore, image_shape, validation, random_state, verbose, options: as of
            `latente.sklearn.base.ModelEstimator`. By default the objective is "masked-iwae" and the network one hidden
            layer of 32.

    Attributes:
        run_, spec_, schema_, n_features_in_, feature_names_in_, n_iter_: as of `ModelEstimator`.
        observed_: in how many rows of the training part each column that the model sees is not missing.

    A pickle holds the table of `fit`, which `sample`, `intervals` and `rubin` take by default; a folder does not.
    """

    def __init__(
        self,
        model: str | ModelSpec = "VAE",
        *,
        mechanism: str = "random",
        samples: int = SAMPLES,
        latent_dim: int | None = None,
        epochs: int | None = None,
        kinds: Mapping[str, str] | None = None,
        ignore: Any = (),
        image_shape: Any = False,
        validation: float = 0.1,
        random_state: Any = None,
        verbose: bool | None = None,
        **options: Any,
    ) -> None:
        self.mechanism = mechanism
        self.samples = samples
        super().__init__(
            model,
            latent_dim=latent_dim,
            epochs=epochs,
            kinds=kinds,
            ignore=ignore,
            image_shape=image_shape,
            validation=validation,
            random_state=random_state,
            verbose=verbose,
            **options,
        )

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn what the columns are, and train on the cells that are there.

        Args:
            X: a table with missing cells, or without; rows in which every cell is missing say nothing.
            y: ignored, unless the model is conditioned on labels, which no imputer is.
            sample_weight: how much each row counts in the loss, shape (n,).

        Raises:
            ValueError, TypeError: rows that cannot be used, in scikit-learn's words where it has them; options that do
                not go together.
        """
        if self.mechanism not in MECHANISMS:
            raise SpecError(unknown("mechanism", self.mechanism, MECHANISMS))
        self._train(X, None, sample_weight)
        self.observed_ = (~np.isnan(self.run_.data.values(self.run_.data.train.x))).sum(axis=0)
        self._fit_X = X.copy() if hasattr(X, "copy") else X
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _data(self, values: Floats, y: Any, sample_weight: Any, seed: int) -> Data:
        """As `ModelEstimator._data`, without the rows in which every cell is missing."""
        empty = np.isnan(values).reshape(len(values), -1).all(axis=1)
        if empty.any() and not empty.all():
            weight = _check_sample_weight(sample_weight, values, dtype=np.float64)
            sample_weight = np.where(empty, 0, weight)
        return super()._data(values, y, sample_weight, seed)

    def _model_spec(self, data: Data) -> ModelSpec:
        plain, columns = self._spec({}), math.prod(data.shape)
        likelihood = self.schema_.likelihood()
        masked = self.mechanism == "self-masked"
        defaults: dict[str, Any] = {
            "latent_dim": min(columns, LATENTS[1], max(LATENTS[0], math.ceil(columns / 3))),
            "hidden": HIDDEN,
            "activation": "tanh",
            "objective": {"name": "iwae" if masked else "masked-iwae", "samples": CODES},
            "missing": True,
        }
        if plain.likelihood == ModelSpec().likelihood:
            defaults["likelihood"] = {"name": "self-masked", "of": likelihood} if masked else likelihood
        spec = self._spec(defaults)
        return dataclasses.replace(spec, missing=True)

    def _train_spec(self, rows: int, recipe: Mapping[str, Any] = FAST) -> TrainSpec:
        spec, given = super()._train_spec(rows, recipe), self._options
        size = spec.batch_size if "batch_size" in given else min(BATCH_SIZE, rows)
        steps = math.ceil(rows / size)
        epochs = spec.epochs if self.epochs is not None else max(LEAST_EPOCHS, math.ceil(MOST_STEPS / steps))
        patience = spec.patience if "patience" in given else math.ceil(PATIENCE_STEPS / steps)
        return dataclasses.replace(spec, batch_size=size, epochs=epochs, patience=patience)

    def summary(self) -> Summary:
        """What `fit` decided and why, in some lines.

        Raises:
            NotFittedError: before `fit`.
        """
        found = super().summary()
        size = f"{self.spec_.latent_dim}" + ("" if self.latent_dim else ": a third of the columns, 4 to 16")
        rows = [(label, size if label == "latents" else text) for label, text in found.rows]
        why = "their own value too (self-masked)" if self.mechanism == "self-masked" else "cells that are seen at most"
        return Summary(found.title, [*rows, ("missing depends on", why)])

    # What is filled in

    def imputed(self, X: Any, *, draws: int = 0, quantiles: tuple[float, ...] = (), seed: int = 0) -> Imputed:
        """What the model expects of each missing cell, as model values: see `latente.evaluation.imputation.impute`.

        Where too few effective codes carry it, a `LatenteWarning` says so.
        """
        found = impute(
            self.run_.model, self._values(X), samples=self.samples, draws=draws, quantiles=quantiles, seed=seed
        )
        for message in found.warnings():
            warnings.warn(message, LatenteWarning, stacklevel=3)
        return found

    def transform(self, X: Any) -> Any:
        """The table with each missing cell filled in: its mean, of a category the most probable one.

        Numbers are the nearest that their column can hold. A column of which `fit` saw no value stays missing.

        Raises:
            NotFittedError: before `fit`.
            ValueError, TypeError: rows that are not like those of `fit`.
        """
        check_is_fitted(self, "run_")
        curved = self._curved()
        found = self.imputed(X, draws=TRANSFORMED if curved else 0)
        values = np.array(found.mean, np.float64)
        # The mean of a number is not where the mean of its logarithm is.
        for j, column in curved:
            bounds = column.transform.forward(np.array([column.low, column.high]))
            drawn = np.clip(found.draws[:, :, j].astype(np.float64), *bounds)
            values[:, j] = column.transform.forward(column.transform.backward(drawn).mean(axis=0))
        return self._filled(X, values)

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """`fit`, then `transform` of the same table."""
        return self.fit(X, y, **fit_params).transform(X)

    def sample(self, m: int = 5, X: Any = None, *, random_state: int = 0) -> list[Any]:
        """m completed tables, each with every missing cell drawn from what it may be given the others of its row.

        Args:
            m: how many.
            X: the table; by default that of `fit`.
            random_state: equal numbers give equal tables.

        Raises:
            NotFittedError: before `fit`.
            SpecError: m below one.
            ValueError: no table is given, and the imputer was loaded from a folder.
        """
        table = self._table(X)
        if isinstance(m, bool) or not isinstance(m, int | np.integer) or m < 1:
            raise SpecError(f"m: got {m!r}; allowed: a whole number of at least 1")
        found, wider = self.imputed(table, draws=int(m), seed=random_state), self._wider()
        return [self._filled(table, found.mean + wider * (one - found.mean)) for one in found.draws]

    def intervals(self, X: Any = None, level: float = 0.95, *, random_state: int = 0) -> tuple[Any, Any]:
        """Between which two values each missing cell lies with a probability of ``level``: two tables, low and high.

        What is not missing is the same in both. A category has no interval and stays missing, a column of two values
        too: `imputed` gives their probabilities.

        Args:
            X: the table; by default that of `fit`.
            level: above 0, below 1.
            random_state: of the draws.
        """
        table = self._table(X)
        if not isinstance(level, int | float) or not 0 < level < 1:
            raise SpecError(f"level: got {level!r}; allowed: a number above 0 and below 1, such as 0.95")
        ends = ((1 - level) / 2, (1 + level) / 2)
        found, wider = self.imputed(table, quantiles=ends, seed=random_state), self._wider(level)
        low, high = (found.mean + wider * (q - found.mean) for q in found.quantiles)
        if isinstance(self.schema_, TableSchema):
            two = [j for j, c in enumerate(self.schema_.modelled) if c.kind == "binary"]
            low[:, two], high[:, two] = np.nan, np.nan
        return self._filled(table, low), self._filled(table, high)

    def rubin(
        self, estimator: Any, m: int = 20, *, X: Any = None, y: Any = None, level: float = 0.95, random_state: int = 0
    ) -> Pooled:
        """What an analysis of the complete table would say, from m completed ones (Rubin 1987): see
        `latente.evaluation.rubin.pool`.

        Args:
            estimator: what is fitted to each completed table: a linear regression of scikit-learn, whose coefficients
                and intercept (the last) are pooled; or a function of the table (and of ``y``, where it is given) that
                returns estimates and their variances (and the degrees of freedom that the complete table would have),
                or a result of statsmodels.
            m: completed tables, at least two.
            X: the table; by default that of `fit`.
            y: what a regression predicts, shape (n,), without missing values.
            level: of the intervals.
            random_state: of the draws.

        Raises:
            SpecError: fewer than two tables, or an estimator that gives no variances.
        """
        if isinstance(m, bool) or not isinstance(m, int | np.integer) or m < 2:
            raise SpecError(f"m: got {m!r}; allowed: a whole number of at least 2, for tables are compared")
        found = [estimates_of(estimator, table, y) for table in self.sample(m, X, random_state=random_state)]
        estimates, variances, df = zip(*found, strict=True)
        return pool(estimates, variances, df=min(df), level=level)

    def _wider(self, level: float | None = None) -> NDArray[np.float64]:
        """By how much further from its mean a draw of each number lies than the model says, or the end of an interval.

        The model is fitted by maximum likelihood, and few rows leave its errors and those of its weights out. As of a
        regression on its p − 1 latents: √((n + p) / (n − p)) for n rows in which the column is seen, and for intervals
        Student's t with n − p degrees of freedom in place of the normal.
        """
        rows, p = self.observed_.astype(np.float64), self.spec_.latent_dim + 1
        free = np.maximum(rows - p, 1)
        found = np.sqrt((rows + p) / free)
        if level is not None:
            found *= stats.t.ppf((1 + level) / 2, free) / stats.norm.ppf((1 + level) / 2)
        if not isinstance(self.schema_, TableSchema):
            return np.ones(rows.shape)
        return np.where([c.likelihood == "real" for c in self.schema_.modelled], found, 1.0)

    def _table(self, X: Any) -> Any:
        check_is_fitted(self, "run_")
        X = getattr(self, "_fit_X", None) if X is None else X
        if X is None:
            raise ValueError(
                "X: the table of fit is not kept in a file; give the table whose cells are to be filled in"
            )
        return X

    def _curved(self) -> list[tuple[int, TableColumn]]:
        """The columns whose numbers a model sees transformed by more than a shift and a scale, with their places."""
        if not isinstance(self.schema_, TableSchema):
            return []
        return [(j, c) for j, c in enumerate(self.schema_.modelled) if not c.coded and c.transform.kind != "identity"]

    def _filled(self, X: Any, values: NDArray[np.floating]) -> Any:
        """A table like X in which its own cells stand, and in their gaps those that model values stand for."""
        schema = self.schema_
        if not isinstance(schema, TableSchema):
            rows = np.asarray(X)
            pixels = np.asarray(self._rows(values)).reshape(rows.shape)
            return np.where(np.isnan(rows), pixels, rows) if rows.dtype.kind == "f" else rows
        given = read_frame(X)
        made = read_frame(schema.decode(values, "pandas"))
        filled = {c.name: c for c in made.columns}
        by_place = not given.named or schema.library == "numpy"
        columns = []
        for place, column in enumerate(given.columns):
            name = schema.names[place] if by_place and place < len(schema.names) else column.name
            new = filled.get(name)
            columns.append(column if new is None else _merged(column, new))
        if given.library == "numpy":
            return write_frame(columns, "numpy", dtype=_dtype(X))
        return write_frame(columns, given.library, index=given.index)


def _merged(given: FrameColumn, new: FrameColumn) -> FrameColumn:
    """A column with its gaps filled in."""
    gaps = given.missing
    if not gaps.any():
        return given
    values = given.values.astype(object) if new.values.dtype == object else given.values.copy()
    values[gaps] = new.values[gaps]
    family = new.family if gaps.all() else given.family
    return dataclasses.replace(given, values=values, family=family)


def _dtype(X: Any) -> str | None:
    found = getattr(X, "dtype", None)
    return None if found is None or found.kind == "O" else str(found)
