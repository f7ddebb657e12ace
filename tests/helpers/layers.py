"""Layer programs carried out by NumPy, as the page's script carries them out."""

import numpy as np


def sigmoid(x):
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small)).astype(np.float32)


ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    # The tanh form, which is what jax.nn.gelu computes unless asked otherwise (Hendrycks & Gimpel 2016).
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x * sigmoid(x),
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
}


def evaluate(steps, arrays, x):
    """Of x, shape (n, inputs): shape (n, outputs)."""
    x = np.asarray(x, np.float32)
    for step in steps:
        if step["op"] == "dense":
            x = x @ arrays[step["weight"]] + arrays[step["bias"]]
        elif step["op"] == "activation":
            x = ACTIVATIONS[step["name"]](x)
        else:
            mean, raw = np.split(x, 2, axis=1)
            x = np.concatenate([mean, step["bound"] * np.tanh(raw / step["bound"])], axis=1)
    return x
