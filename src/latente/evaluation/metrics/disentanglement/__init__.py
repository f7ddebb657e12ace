"""Disentanglement where the factors are known: how codes relate to what made each example."""
