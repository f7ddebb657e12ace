"""Estimators for scikit-learn: transformers, an outlier detector, an imputer and a synthesiser of tables."""

from __future__ import annotations

from pathlib import Path

from latente.errors import StoreError, unknown
from latente.sklearn.autoencoder import AE, VAE, Autoencoder
from latente.sklearn.base import ModelEstimator
from latente.sklearn.files import read_estimator
from latente.sklearn.imputer import Imputer
from latente.sklearn.outliers import OutlierDetector
from latente.sklearn.synthesizer import TableSynthesizer

__all__ = ["AE", "VAE", "Autoencoder", "Imputer", "OutlierDetector", "TableSynthesizer", "load"]


def load(path: str | Path) -> ModelEstimator:
    """The estimator that `ModelEstimator.save` wrote to a folder, of whatever class; nothing is unpickled.

    Raises:
        StoreError: a file is missing, damaged, or of another version.
    """
    kinds = {cls.__name__: cls for cls in (Autoencoder, Imputer, OutlierDetector, TableSynthesizer)}
    kind = read_estimator(path).kind
    if kind not in kinds:
        raise StoreError(f"{path}: {unknown('estimator', kind, kinds)}")
    return kinds[kind].load(path)
