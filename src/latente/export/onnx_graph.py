"""Layer programs as ONNX graphs, built by onnx.helper: operators that ONNX Runtime has had since 2022, no others."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.units import Units
from latente.errors import SpecError
from latente.export.layer_program import Program, Step, Steps

OPSET, IR_VERSION = 17, 8
"""Of July 2022, and so of whatever is in use."""
LIMIT = 2**31 - 1
"""Bytes of a file of Protocol Buffers."""


class Graph:
    """The nodes and constants of a graph as they are added; each method returns the name of what it computes."""

    def __init__(self, arrays: dict[str, NDArray[Any]], context: str) -> None:
        self.onnx = imported()
        self.arrays, self.context = arrays, context
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def add(self, op: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """A node with one output."""
        output = name or f"v{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(op, list(inputs), [output], **attributes))
        return output

    def constant(self, value: Any, dtype: Any = np.float32) -> str:
        """A constant that has no name in the program."""
        return self.kept(f"c{len(self.constants)}", np.asarray(value, dtype))

    def kept(self, name: str, value: NDArray[Any]) -> str:
        """A constant with this name."""
        if name not in self.constants:
            self.constants[name] = self.onnx.numpy_helper.from_array(np.asarray(value, order="C"), name)
        return name

    def array(self, name: str) -> str:
        """An array of the program."""
        return self.kept(name, self.arrays[name])

    def run(self, steps: Steps, x: str) -> str:
        """Steps one after the other."""
        for step in steps:
            x = self._step(step, x)
        return x

    def _step(self, step: Step, x: str) -> str:
        op = step["op"]
        if op in ("join", "multiply", "add"):
            parts = [self.run(branch, x) for branch in step["branches"]]
            if op == "join":
                return self.add("Concat", *parts, axis=-1)
            total = parts[0]
            for part in parts[1:]:
                total = self.add("Mul" if op == "multiply" else "Add", total, part)
            return total
        return _OPERATIONS[op](self, x, step)


def _dense(g: Graph, x: str, step: Step) -> str:
    return g.add("Add", g.add("MatMul", x, g.array(step["weight"])), g.array(step["bias"]))


def _convolution(g: Graph, x: str, step: Step) -> str:
    (above, below), (left, right) = step["pads"]
    weight = g.arrays[step["weight"]].transpose(3, 2, 0, 1)
    inputs = g.add("Transpose", x, perm=[0, 3, 1, 2]), g.kept(step["weight"], weight), g.array(step["bias"])
    kernel, strides = list(weight.shape[2:]), [step["stride"]] * 2
    y = g.add("Conv", *inputs, kernel_shape=kernel, strides=strides, pads=[above, left, below, right])
    return g.add("Transpose", y, perm=[0, 2, 3, 1])


def _activation(g: Graph, x: str, step: Step) -> str:
    name = step["name"]
    plain = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "elu": "Elu", "softplus": "Softplus"}
    if name == "linear":
        return x
    if name in plain:
        return g.add(plain[name], x)
    if name == "silu":
        return g.add("Mul", x, g.add("Sigmoid", x))
    # gelu: x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2
    cubed = g.add("Mul", g.add("Mul", x, g.add("Mul", x, x)), g.constant(0.044715))
    inner = g.add("Mul", g.add("Add", x, cubed), g.constant(math.sqrt(2 / math.pi)))
    return g.add("Mul", g.add("Mul", x, g.constant(0.5)), g.add("Add", g.add("Tanh", inner), g.constant(1)))


def _function(g: Graph, x: str, step: Step) -> str:
    name = step["name"]
    if name == "log1p":
        return g.add("Log", g.add("Add", x, g.constant(1)))
    if name != "langevin":
        return g.add({"exp": "Exp", "round": "Round"}[name], x)
    near = g.add("Less", g.add("Abs", x), g.constant(0.5))
    far = g.add("Where", near, g.constant(1), x)
    close = g.add("Where", near, x, g.constant(0))
    s, series = g.add("Mul", close, close), g.constant(2 / 93555)
    for factor in (1 / 4725, 2 / 945, 1 / 45, 1 / 3):
        series = g.add("Sub", g.constant(factor), g.add("Mul", s, series))
    whole = g.add("Sub", g.add("Reciprocal", g.add("Tanh", far)), g.add("Reciprocal", far))
    return g.add("Where", near, g.add("Mul", close, series), whole)


def _bounded(g: Graph, x: str, step: Step) -> str:
    bound = g.constant(step["bound"])
    return g.add("Mul", bound, g.add("Tanh", g.add("Div", x, bound)))


def _moments(g: Graph, x: str, step: Step) -> str:
    mean, raw = f"v{len(g.nodes)}.mean", f"v{len(g.nodes)}.raw"
    g.nodes.append(g.onnx.helper.make_node("Split", [x], [mean, raw], axis=1))
    return g.add("Concat", mean, _bounded(g, raw, step), axis=1)


def _slice(g: Graph, x: str, step: Step) -> str:
    ends = (g.constant([step[k]], np.int64) for k in ("start", "stop"))
    return g.add("Slice", x, *ends, g.constant([-1], np.int64))


def _reshape(g: Graph, x: str, step: Step) -> str:
    return g.add("Reshape", x, g.constant([0, *step["shape"]], np.int64))


def _enlarge(g: Graph, x: str, step: Step) -> str:
    for axis, size in enumerate(step["size"], start=1):
        x = g.add("Gather", x, g.constant(np.arange(size) // 2, np.int64), axis=axis)
    return x


def _length_one(g: Graph, x: str, step: Step) -> str:
    length = g.add("ReduceL2", x, axes=[1], keepdims=1)
    least = g.constant(1e-6)
    first = g.constant(np.eye(1, step["size"]))
    return g.add("Where", g.add("Greater", length, least), g.add("Div", x, g.add("Max", length, least)), first)


def _hot(g: Graph, x: str, step: Step) -> str:
    largest = g.add("ArgMax", x, axis=-1, keepdims=0)
    return g.add("OneHot", largest, g.constant([step["size"]], np.int64), g.constant([0, 1]), axis=-1)


def _top(g: Graph, x: str, step: Step) -> str:
    values, places = f"v{len(g.nodes)}.values", f"v{len(g.nodes)}.places"
    k = g.constant([step["k"]], np.int64)
    g.nodes.append(g.onnx.helper.make_node("TopK", [x, k], [values, places], axis=1))
    return g.add("ScatterElements", g.add("Mul", x, g.constant(0)), places, values, axis=1)


def _nearest(g: Graph, x: str, step: Step) -> str:
    total, left = "", x
    for name in step["books"]:
        book = g.arrays[name]
        doubled = g.add("MatMul", left, g.constant(2 * book.T))
        place = g.add("ArgMin", g.add("Sub", g.constant((book**2).sum(axis=1)), doubled), axis=-1, keepdims=0)
        found = g.add("Gather", g.array(name), place, axis=0)
        total = g.add("Add", total, found) if total else found
        left = g.add("Sub", left, found)
    return total


def _equal(g: Graph, x: str, step: Step) -> str:
    return g.add("Cast", g.add("Equal", g.add("Round", x), g.array(step["value"])), to=g.onnx.TensorProto.FLOAT)


def _observed(g: Graph, x: str, step: Step) -> str:
    return g.add("Cast", g.add("Not", g.add("IsNaN", x)), to=g.onnx.TensorProto.FLOAT)


def _context(g: Graph, x: str, step: Step) -> str:
    if not step["image"]:
        return g.add("Concat", x, g.context, axis=-1)
    wide = g.add("Unsqueeze", g.context, g.constant([1, 2], np.int64))
    size = g.add("Slice", g.add("Shape", x), *(g.constant([v], np.int64) for v in (0, 3)))
    size = g.add("Concat", size, g.constant([1], np.int64), axis=0)
    return g.add("Concat", x, g.add("Expand", wide, size), axis=-1)


_OPERATIONS: dict[str, Callable[[Graph, str, Step], str]] = {
    "dense": _dense,
    "convolution": _convolution,
    "activation": _activation,
    "function": _function,
    "bounded": _bounded,
    "moments": _moments,
    "affine": lambda g, x, s: g.add("Add", g.add("Mul", x, g.array(s["multiplier"])), g.array(s["offset"])),
    "standard": lambda g, x, s: g.add("Div", g.add("Sub", x, g.array(s["center"])), g.array(s["spread"])),
    "slice": _slice,
    "take": lambda g, x, s: g.add("Gather", x, g.constant(s["index"], np.int64), axis=-1),
    "reshape": _reshape,
    "transpose": lambda g, x, s: g.add("Transpose", x, perm=[0, *s["axes"]]),
    "enlarge": _enlarge,
    "softmax": lambda g, x, s: g.add("Softmax", x, axis=-1),
    "largest": lambda g, x, s: g.add("Cast", g.add("ArgMax", x, axis=-1, keepdims=0), to=g.onnx.TensorProto.FLOAT),
    "sum": lambda g, x, s: g.add("ReduceSum", x, g.constant([-1], np.int64), keepdims=0),
    "length_one": _length_one,
    "hot": _hot,
    "top": _top,
    "nearest": _nearest,
    "equal": _equal,
    "observed": _observed,
    "filled": lambda g, x, s: g.add("Where", g.add("IsNaN", x), g.array(s["value"]), x),
    "context": _context,
}


def encoder_file(program: Program, shape: Sequence[int], code_size: int, units: Units, context_size: int) -> bytes:
    """A graph from ``x`` (n, *shape), in the data's own units, to ``code`` (n, code_size) and, of a Gaussian
    posterior, ``log_variance``; a conditional model takes ``context`` too.

    Raises:
        SpecError: the package onnx is not installed, or the file would have more than 2 GiB.
    """
    g = Graph(program.arrays, "context")
    multiplier, offset = (g.kept(f"scaling.{k}", np.asarray(getattr(units, k))) for k in ("multiplier", "offset"))
    x = g.add("Add", g.add("Mul", "x", multiplier), offset)
    x = g.add("Cast", x, to=g.onnx.TensorProto.FLOAT)
    if units.clip:
        x = g.add("Clip", x, g.constant(0), g.constant(1))
    found = g.run(program.steps, g.add("Flatten", x))
    outputs = ["code"] if program.outputs == code_size else ["code", "log_variance"]
    if len(outputs) == 1:
        g.add("Identity", found, name="code")
    else:
        g.nodes.append(g.onnx.helper.make_node("Split", [found], outputs, axis=1))
    kind = g.onnx.helper.np_dtype_to_tensor_dtype(np.asarray(units.multiplier).dtype)
    inputs = [("x", kind, shape), *_given(g, context_size)]
    return _file(g, "encoder", inputs, [(name, g.onnx.TensorProto.FLOAT, [code_size]) for name in outputs])


def decoder_file(program: Program, shape: Sequence[int], code_size: int, units: Units, context_size: int) -> bytes:
    """A graph from ``code`` (n, code_size) to the decoded mean ``x`` (n, *shape) in the data's own units; else as
    `encoder_file`.
    """
    g = Graph(program.arrays, "context")
    multiplier, offset = (g.kept(f"scaling.{k}", np.asarray(getattr(units, k))) for k in ("multiplier", "offset"))
    kind = g.onnx.helper.np_dtype_to_tensor_dtype(np.asarray(units.multiplier).dtype)
    values = g.add("Reshape", g.run(program.steps, "code"), g.constant([0, *shape], np.int64))
    g.add("Div", g.add("Sub", g.add("Cast", values, to=kind), offset), multiplier, name="x")
    inputs = [("code", g.onnx.TensorProto.FLOAT, [code_size]), *_given(g, context_size)]
    return _file(g, "decoder", inputs, [("x", kind, shape)])


def _given(g: Graph, size: int) -> list[tuple[str, Any, list[int]]]:
    return [("context", g.onnx.TensorProto.FLOAT, [size])] if size else []


def _file(g: Graph, name: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> bytes:
    from latente._version import __version__

    helper = g.onnx.helper
    described = [
        [helper.make_tensor_value_info(n, kind, ["n", *shape]) for n, kind, shape in ends] for ends in (inputs, outputs)
    ]
    size = sum(constant.ByteSize() for constant in g.constants.values())
    if size > LIMIT:
        raise SpecError(
            f"the {name} has {size:,} bytes, and an ONNX file at most {LIMIT:,}; export it to torch or keras"
        )
    graph = helper.make_graph(g.nodes, name, *described, initializer=list(g.constants.values()))
    imports = [helper.make_opsetid("", OPSET)]
    made = helper.make_model(
        graph, opset_imports=imports, ir_version=IR_VERSION, producer_name="latente", producer_version=__version__
    )
    g.onnx.checker.check_model(made, full_check=True)
    content: bytes = made.SerializeToString()
    return content


def imported() -> Any:
    """The package onnx.

    Raises:
        SpecError: it is not installed.
    """
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise SpecError("export to onnx needs the package onnx; pip install 'latente[onnx]'") from error
    return onnx
