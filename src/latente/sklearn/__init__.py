"""Estimators for scikit-learn: transformers, an outlier detector, an imputer and a synthesiser of tables."""

from latente.sklearn.autoencoder import AE, VAE, Autoencoder
from latente.sklearn.imputer import Imputer
from latente.sklearn.outliers import OutlierDetector

__all__ = ["AE", "VAE", "Autoencoder", "Imputer", "OutlierDetector"]
