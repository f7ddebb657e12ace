"""Estimators for scikit-learn: transformers, an outlier detector, an imputer and a synthesiser of tables."""
