"""`OutlierDetector`: how unlike the rows of fit each row is, how sure that is, and which columns make it so."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from latente.errors import LatenteWarning
from latente.evaluation.outliers.conformal import conformal_p_values, smallest_p, threshold
from latente.evaluation.outliers.drift import LEVEL as DRIFT_LEVEL
from latente.evaluation.outliers.drift import POWER, SHIFT, Drift, drift
from latente.evaluation.outliers.explain import explain, explained_score, usual_columns
from latente.sklearn.base import Floats, ModelEstimator
from latente.spec import ModelSpec

if TYPE_CHECKING:
    import pandas as pd

Doubles = NDArray[np.float64]

AUTO = 0.05
"""The share of inliers that ``contamination="auto"`` flags at most."""


class OutlierDetector(OutlierMixin, ModelEstimator):  # type: ignore[misc]
    """Outliers by −log p(x) of a model, in nats above what is usual; with calibrated p-values and reasons.

    The score of a row is the bound on −log p(x) that `latente.evaluation.outliers.explain.explain` splits over the
    columns, minus the medians of these shares over rows held out; so `explain` sums to it, and a row with missing cells
    is compared by the cells that it has. Higher is more unusual; `score_samples` has the other sign, as everywhere in
    scikit-learn.

    Args:
        contamination: "auto" flags what is more unusual than all but 5% of the rows held out (a conformal p-value of at
            most 0.05), so that of new inliers 5% are flagged at most; a number above 0, at most 0.5, is the share of
            the rows of `fit` that is flagged.
        validation: the share of the rows that is held out, to stop early by and to calibrate on: a fifth, for with
            fewer than 19 rows held out nothing is flagged at 0.05.
        model, latent_dim, epochs, kinds, ignore, image_shape, random_state, verbose, options: as
            `latente.sklearn.base.ModelEstimator` has them.

    Attributes:
        offset_: what `score_samples` is compared with: below it a row is an outlier. −∞ where so few rows were held out
            that none can be flagged, which is warned of.
        calibration_: scores of the rows held out, which p-values count, shape (rows held out,), higher is more unusual.
        usual_: the median share of each model value in the score, of the shape of one example.
        run_, spec_, schema_, n_features_in_, feature_names_in_, n_iter_: as in `ModelEstimator`.
    """

    def __init__(
        self,
        model: str | ModelSpec = "VAE",
        *,
        contamination: float | str = "auto",
        latent_dim: int | None = None,
        epochs: int | None = None,
        kinds: Mapping[str, str] | None = None,
        ignore: Any = (),
        image_shape: Any = None,
        validation: float = 0.2,
        random_state: Any = None,
        verbose: bool | None = None,
        **options: Any,
    ) -> None:
        self.contamination = contamination
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
        """Train, and find what is usual among the rows held out.

        Args:
            X: rows, of which most are inliers.
            y: ignored.
            sample_weight: how much each row counts in the loss, shape (n,).

        Raises:
            ValueError: a contamination out of range; and as `latente.sklearn.Autoencoder.fit`.
        """
        share = self.contamination
        number = isinstance(share, int | float | np.number) and not isinstance(share, bool)
        if share != "auto" and not (number and 0 < float(share) <= 0.5):
            raise ValueError(f'contamination: got {share!r}; allowed: "auto", or a number above 0 and at most 0.5')
        self._train(X, None, sample_weight)
        data, model = self.run_.data, self.run_.model
        held_out = data.values(data.validation.x)
        # Of a few rows the median of each column would be little more than one of them.
        self.usual_ = usual_columns(model, np.concatenate([held_out, data.values(data.train.x)]))
        self.calibration_ = self._unusual(held_out)
        if share == "auto":
            self.offset_ = -threshold(self.calibration_, AUTO)
            if np.isinf(self.offset_):
                n = len(held_out)
                warnings.warn(
                    f"{n} rows are held out, with which no p-value is below {smallest_p(n):.2g}: at {AUTO} nothing is "
                    "flagged; give more rows, a larger validation, or a contamination",
                    LatenteWarning,
                    stacklevel=2,
                )
        else:
            self.offset_ = float(np.percentile(self.score_samples(X), 100 * float(share)))
        return self

    def score_samples(self, X: Any) -> Doubles:
        """How usual rows are, shape (n,): nats, 0 for a usual row, lower for what is more unusual."""
        return -self._unusual(self._values(X))

    def decision_function(self, X: Any) -> Doubles:
        """`score_samples` minus ``offset_``, shape (n,): negative for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> NDArray[np.int64]:
        """1 for inliers and −1 for outliers, shape (n,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: Any) -> Doubles:
        """Conformal p-values of rows, shape (n,): of inliers a share of at most α has one of at most α.

        See `latente.evaluation.outliers.conformal`, and `threshold_by_fdr` there for many rows at once. They are for
        rows that were not in `fit`.
        """
        return conformal_p_values(self._calibration(), self._unusual(self._values(X)))

    def predict_proba(self, X: Any) -> Doubles:
        """p and 1 − p of the conformal p-value p, shape (n, 2); inlier first, as in PyOD.

        Calibrated among inliers: of new ones a share of at most α gets 1 − α or more in the second column. It is the
        confidence that a row is not one of them, and no probability that it is an outlier, which depends on how many
        and what outliers there are.
        """
        p = self.p_values(X)
        return np.stack([p, 1 - p], axis=1)

    def explain(self, X: Any) -> pd.DataFrame:
        """What each column adds to how unusual a row is, nats: a frame with the columns' names, and X's index.

        A row sums to −`score_samples`. The column with the largest number is the one that the others, and what is usual
        for it, speak against most; `latente.evaluation.outliers.explain.explain` says how and with what limits. Columns
        that the model does not see (constant ones, or such that were left out) are not among them.
        """
        import pandas as pd

        values = self._values(X)
        found = explain(self.run_.model, values, usual=self.usual_)
        shares = found.excess.reshape(len(values), -1)
        return pd.DataFrame(shares, index=getattr(X, "index", None), columns=list(self._columns(shares.shape[1])))

    def drift(self, X: Any, *, shift: float = SHIFT, level: float = DRIFT_LEVEL, power: float = POWER) -> Drift:
        """Whether rows as a whole are drawn as those held out, and how many a shift needs to show.

        See `latente.evaluation.outliers.drift.drift`.
        """
        return drift(self._calibration(), self._unusual(self._values(X)), shift=shift, level=level, power=power)

    def _calibration(self) -> Doubles:
        check_is_fitted(self, "calibration_")
        return self.calibration_

    def _unusual(self, values: Floats) -> Doubles:
        """Nats above what is usual, shape (n,)."""
        usual = np.where(np.isnan(values), 0.0, self.usual_).reshape(len(values), -1).sum(axis=1)
        return np.asarray(explained_score(self.run_.model, values) - usual, np.float64)

    def _columns(self, count: int) -> tuple[str, ...]:
        modelled = getattr(self.schema_, "modelled", None)
        return self._names(count) if modelled is None else tuple(c.name for c in modelled)
