"""Layer programs carried out by NumPy, as the page's script, PyTorch, Keras and ONNX carry them out."""

import numpy as np


def sigmoid(x):
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small)).astype(np.float32)


def langevin(x):
    with np.errstate(divide="ignore", invalid="ignore"):
        x64 = np.float64(x)
        return np.where(np.abs(x64) < 1e-3, x64 / 3, 1 / np.tanh(x64) - 1 / x64)


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
FUNCTIONS = {"exp": np.exp, "log1p": np.log1p, "round": np.round, "langevin": langevin}


def convolution(x, step, arrays):
    """By its definition, a sum over the kernel's places."""
    weight, stride = arrays[step["weight"]], step["stride"]
    padded = np.pad(x, [(0, 0), *step["pads"], (0, 0)])
    rows, columns = ((n - len(weight)) // stride + 1 for n in padded.shape[1:3])
    total = arrays[step["bias"]]
    for i in range(len(weight)):
        for j in range(len(weight)):
            seen = padded[:, i : i + (rows - 1) * stride + 1 : stride, j : j + (columns - 1) * stride + 1 : stride]
            total = total + seen @ weight[i, j]
    return total


def top(x, k):
    kept = np.argsort(-x, axis=1, kind="stable")[:, :k]
    out = np.zeros_like(x)
    np.put_along_axis(out, kept, np.take_along_axis(x, kept, axis=1), axis=1)
    return out


def length_one(x):
    length = np.sqrt((x**2).sum(axis=1, keepdims=True))
    return np.where(length > 1e-6, x / np.maximum(length, 1e-6), np.eye(1, x.shape[1], dtype=x.dtype))


def nearest(x, books):
    out, left = np.zeros_like(x), x
    for book in books:
        found = book[((left[..., None, :] - book) ** 2).sum(axis=-1).argmin(axis=-1)]
        out, left = out + found, left - found
    return out


def appended(x, context):
    wide = context.reshape(len(x), *[1] * (x.ndim - 2), -1)
    return np.concatenate([x, np.broadcast_to(wide, (*x.shape[:-1], wide.shape[-1]))], axis=-1)


def evaluate(steps, arrays, x, context=None):
    """Of x, shape (n, inputs): shape (n, outputs)."""
    x = np.asarray(x, np.float32)
    for step in steps:
        x = np.asarray(one(step, arrays, x, context), np.float32)
    return x


def one(step, arrays, x, context):
    parts = [evaluate(branch, arrays, x, context) for branch in step.get("branches", ())]
    match step["op"]:
        case "dense":
            return x @ arrays[step["weight"]] + arrays[step["bias"]]
        case "convolution":
            return convolution(x, step, arrays)
        case "activation":
            return ACTIVATIONS[step["name"]](x)
        case "function":
            return FUNCTIONS[step["name"]](x)
        case "bounded":
            return step["bound"] * np.tanh(x / step["bound"])
        case "moments":
            mean, raw = np.split(x, 2, axis=1)
            return np.concatenate([mean, step["bound"] * np.tanh(raw / step["bound"])], axis=1)
        case "affine":
            return x * arrays[step["multiplier"]] + arrays[step["offset"]]
        case "standard":
            return (x - arrays[step["center"]]) / arrays[step["spread"]]
        case "slice":
            return x[..., step["start"] : step["stop"]]
        case "take":
            return x[..., step["index"]]
        case "reshape":
            return x.reshape(len(x), *step["shape"])
        case "transpose":
            return x.transpose(0, *step["axes"])
        case "enlarge":
            height, width = step["size"]
            return x.repeat(2, axis=1).repeat(2, axis=2)[:, :height, :width]
        case "softmax":
            raised = np.exp(x - x.max(axis=-1, keepdims=True))
            return raised / raised.sum(axis=-1, keepdims=True)
        case "largest":
            return x.argmax(axis=-1)
        case "sum":
            return x.sum(axis=-1)
        case "length_one":
            return length_one(x)
        case "hot":
            return np.eye(x.shape[-1])[x.argmax(axis=-1)]
        case "top":
            return top(x, step["k"])
        case "nearest":
            return nearest(x, [arrays[name] for name in step["books"]])
        case "equal":
            return np.round(x) == arrays[step["value"]]
        case "observed":
            return ~np.isnan(x)
        case "filled":
            return np.where(np.isnan(x), arrays[step["value"]], x)
        case "context":
            return appended(x, context)
        case "join":
            return np.concatenate(parts, axis=-1)
        case "multiply":
            return np.prod(parts, axis=0)
        case "add":
            return np.sum(parts, axis=0)
    raise AssertionError(step)
