"""`Autoencoder`: any model as a transformer of scikit-learn, and its short names `VAE` and `AE`."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from latente.evaluation import latent
from latente.evaluation.latent import BATCH
from latente.evaluation.row_terms import bucket, row_terms
from latente.objective.objectives import objectives
from latente.sklearn.base import Floats, ModelEstimator


class Autoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ModelEstimator):  # type: ignore[misc]
    """An autoencoder of any kind as a transformer: rows in, mean codes out.

    Parameters and attributes are those of `latente.sklearn.base.ModelEstimator`.
    """

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn what the columns are, and train.

        Args:
            X: rows, shape (n, columns), NaN where a value is missing.
            y: labels, shape (n,), for a model that is conditioned on them or learns them; else ignored.
            sample_weight: how much each row counts in the loss, shape (n,); a row of weight 0 is left out.

        Raises:
            ValueError, TypeError: rows that cannot be used, in scikit-learn's words where it has them; options that do
                not go together.
        """
        self._train(X, y, sample_weight)
        return self

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """`fit`, then `transform` of the same rows."""
        self.fit(X, y, **fit_params)
        return self.transform(X)

    @property
    def _n_features_out(self) -> int:
        return int(self.run_.model.code_size)

    def transform(self, X: Any) -> Floats:
        """Mean codes of rows, shape (n, codes), float32."""
        return self._encode(self._values(X), None)

    def _encode(self, values: Floats, context: Floats | None) -> Floats:
        return latent.encode(self.run_.model, *_filled(values, context))[: len(values)]

    def inverse_transform(self, X: Any) -> Any:
        """Rows that codes, shape (n, codes), stand for: what the model expects there."""
        check_is_fitted(self, "run_")
        codes = np.asarray(check_array(X, dtype=np.float32), np.float32)
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {codes.shape[1]} features, but {type(self).__name__}.inverse_transform is expecting "
                f"{self._n_features_out} features as input."
            )
        return self._rows(latent.decode(self.run_.model, *_filled(codes, None))[: len(codes)])

    def reconstruct(self, X: Any) -> Any:
        """What the model makes of rows, through their mean codes."""
        values = self._values(X)
        codes = self._encode(values, None)
        return self._rows(latent.decode(self.run_.model, *_filled(codes, None))[: len(values)])

    def score_samples(self, X: Any) -> NDArray[np.float32]:
        """The evidence lower bound of each row, shape (n,), nats: higher is more like the rows of `fit`."""
        values, run = self._values(X), self.run_
        found = row_terms(run.model, objectives.make(run.spec.model.objective), values, opponent=run.opponent)
        return -(found["reconstruction"] + found["kl"])

    def score(self, X: Any, y: Any = None) -> float:
        """The mean evidence lower bound of rows, nats."""
        return float(np.mean(self.score_samples(X), dtype=np.float64))


def _filled(rows: Floats, context: Floats | None) -> tuple[Floats, Floats | None]:
    """Rows filled up with the first one, so that a program serves data of many sizes."""
    size = bucket(len(rows), BATCH)
    more = max(0, size - len(rows)) if len(rows) < BATCH else 0
    if not more:
        return rows, context
    grown = np.concatenate([rows, np.repeat(rows[:1], more, axis=0)])
    return grown, None if context is None else np.concatenate([context, np.repeat(context[:1], more, axis=0)])


def VAE(latent_dim: int | None = None, **options: Any) -> Autoencoder:
    """A variational autoencoder (Kingma & Welling 2014): ``Autoencoder("VAE", …)``."""
    return Autoencoder("VAE", latent_dim=latent_dim, **options)


def AE(latent_dim: int | None = None, **options: Any) -> Autoencoder:
    """A deterministic autoencoder (Hinton & Salakhutdinov 2006): ``Autoencoder("AE", …)``."""
    return Autoencoder("AE", latent_dim=latent_dim, **options)
