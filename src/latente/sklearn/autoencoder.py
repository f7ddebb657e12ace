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
from latente.sklearn.pixels import PixelSchema


class Autoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ModelEstimator):  # type: ignore[misc]
    """An autoencoder of any kind as a transformer: rows in, mean codes out.

    ``Autoencoder("BetaVAE", latent_dim=8, beta=4.0)``. Parameters and attributes are those of
    `latente.sklearn.base.ModelEstimator`.
    """

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn what the columns are, and train.

        Args:
            X: rows, shape (n, columns): an array, or a frame of pandas, Polars or PyArrow. Cells may be missing.
            y: labels, shape (n,), for a model that is conditioned on them or learns them; else ignored.
            sample_weight: how much each row counts in the loss, shape (n,), only in relation to the others; a row of
                weight 0 is left out.

        Raises:
            ValueError, TypeError: rows that cannot be used, in scikit-learn's words where it has them; options that do
                not go together.
        """
        self._train(X, y, sample_weight)
        return self

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train once through these rows, from where the last call or `fit` left off.

        The first call learns what the columns are and holds rows out, as `fit` does; later rows are all trained on, and
        ``run_.data`` stays that of the first. The learning rate is constant, 0.001 unless ``learning_rate`` says
        otherwise.

        Args:
            X, y, sample_weight: as in `fit`; the columns, and the labels, are those of the first call.

        Raises:
            ValueError, TypeError: as `fit`.
        """
        self._train_on(X, y, sample_weight)
        return self

    def fit_transform(self, X: Any, y: Any = None, *, given: Any = None, **fit_params: Any) -> Any:
        """`fit`, then `transform` of the same rows; a model that is conditioned on labels is given y again."""
        self.fit(X, y, **fit_params)
        return self.transform(X, given=y if given is None and self._is_labelled() else given)

    def transform(self, X: Any, *, given: Any = None) -> Floats:
        """Mean codes of rows, shape (n, codes), float32.

        Args:
            X: rows with the columns of `fit`.
            given: labels, shape (n,), for a model that is conditioned on them.

        Raises:
            NotFittedError: before `fit`. ValueError, TypeError: rows that are not like those of `fit`.
        """
        values = self._values(X)
        return self._codes(values, self._context(given, len(values)))

    def inverse_transform(self, X: Any, *, given: Any = None) -> Any:
        """The rows that codes stand for, as the model expects them: a table as that of `fit` was.

        Args:
            X: codes, shape (n, codes).
            given: as in `transform`.

        Raises:
            NotFittedError: before `fit`. ValueError: codes of another shape, or not finite.
        """
        check_is_fitted(self, "run_")
        codes = np.asarray(check_array(X, dtype=np.float32), np.float32)
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {codes.shape[1]} features, but {type(self).__name__}.inverse_transform is expecting "
                f"{self._n_features_out} features as input."
            )
        return self._rows(self._means(codes, self._context(given, len(codes))), index=getattr(X, "index", None))

    def reconstruct(self, X: Any, *, given: Any = None) -> Any:
        """What the model makes of rows, through their mean codes: a table like X, with its data types.

        Args and errors as `transform`.
        """
        values = self._values(X)
        context = self._context(given, len(values))
        if context is None:
            context = latent.predicted_class(self.run_.model, values)
        return self._rows(self._means(self._codes(values, context), context), like=X)

    def sample(self, n_samples: int = 1, *, given: Any = None, random_state: Any = None) -> Any:
        """New rows: a table as that of `fit` was.

        Codes are drawn from the prior, and rows from what the model makes of each; of images it is their mean, for
        pixels drawn one by one are noise.

        Args:
            n_samples: how many.
            given: labels, shape (n_samples,), for a model that is conditioned on them.
            random_state: of the draws; by default that of the estimator.

        Raises:
            NotFittedError: before `fit`. SpecError: a model without a prior, such as AE; ``run_.with_prior`` fits one.
        """
        check_is_fitted(self, "run_")
        seed = self._seed(random_state)
        context = self._context(given, n_samples)
        if isinstance(self.schema_, PixelSchema):
            return self._rows(latent.sample(self.run_.generator, n_samples, seed=seed, context=context))
        codes = latent.sample_codes(self.run_.generator, n_samples, seed=seed)
        context = latent.sample_context(self.run_.model, n_samples, seed) if context is None else context
        return self._rows(latent.draw(self.run_.model, codes, context, seed=seed))

    def score_samples(self, X: Any, *, given: Any = None) -> NDArray[np.float32]:
        """The evidence lower bound of each row in nats, shape (n,): higher is more like the rows of `fit`.

        The mean over 10 codes, with equal random numbers for every row. It is −(reconstruction + KL) whatever the
        weights that the loss gives them; of a model without a posterior density, such as AE, the log-density of the row
        at its code. Args and errors as `transform`.
        """
        values = self._values(X)
        run, context = self.run_, self._context(given, len(values))
        found = row_terms(run.model, objectives.make(run.spec.model.objective), values, context, opponent=run.opponent)
        return -(found["reconstruction"] + found["kl"])

    def score(self, X: Any, y: Any = None) -> float:
        """The mean evidence lower bound of rows, nats; y are labels for a model that is conditioned on them."""
        check_is_fitted(self, "run_")
        given = y if self._is_labelled() else None
        return float(np.mean(self.score_samples(X, given=given), dtype=np.float64))

    @property
    def _n_features_out(self) -> int:
        return int(self.run_.model.code_size)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # Codes are of single precision, in which models compute.
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _is_labelled(self) -> bool:
        return self.run_.model.is_conditional and self.run_.spec.model.condition == "labels"

    def _codes(self, values: Floats, context: Floats | None) -> Floats:
        return latent.encode(self.run_.model, *_filled(values, context))[: len(values)]

    def _means(self, codes: Floats, context: Floats | None) -> Floats:
        return latent.decode(self.run_.model, *_filled(codes, context))[: len(codes)]


def _filled(rows: Floats, context: Floats | None) -> tuple[Floats, Floats | None]:
    """Rows, of which there are less than a batch, filled up with the first: one program serves data of many sizes."""
    more = bucket(len(rows), BATCH) - len(rows)
    if more <= 0:
        return rows, context
    grown = np.concatenate([rows, np.repeat(rows[:1], more, axis=0)])
    return grown, None if context is None else np.concatenate([context, np.repeat(context[:1], more, axis=0)])


def VAE(latent_dim: int | None = None, **options: Any) -> Autoencoder:
    """A variational autoencoder (Kingma & Welling 2014): ``Autoencoder("VAE", latent_dim=latent_dim, …)``."""
    return Autoencoder("VAE", latent_dim=latent_dim, **options)


def AE(latent_dim: int | None = None, **options: Any) -> Autoencoder:
    """A deterministic autoencoder (Hinton & Salakhutdinov 2006): ``Autoencoder("AE", latent_dim=latent_dim, …)``."""
    return Autoencoder("AE", latent_dim=latent_dim, **options)
