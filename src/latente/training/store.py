"""Arrays on disk: pytrees as safetensors, never pickled, with a checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import equinox as eqx
import jax
import numpy as np
from numpy.typing import NDArray

from latente.atomic import read_bytes, write_bytes
from latente.errors import StoreError

Arrays = dict[str, NDArray[Any]]
T = TypeVar("T")

CHECKSUM = "sha256"
"""The key, in a file's description, of the SHA-256 of its arrays and of the rest of the description."""


def flatten(tree: object, prefix: str) -> Arrays:
    """Every array of a pytree by its path, for instance ``model.encoder.layers.0.weight``."""
    leaves = jax.tree_util.tree_flatten_with_path(eqx.filter(tree, eqx.is_array))[0]
    return {prefix + path_of(path): np.asarray(leaf) for path, leaf in leaves}


def unflatten(template: T, arrays: Mapping[str, NDArray[Any]], prefix: str, where: str) -> T:
    """The template, which holds arrays or their shapes and types, with the arrays from `flatten` in their places.

    Raises:
        StoreError: an array is missing, or of another shape or type than the template's.
    """
    dynamic, static = eqx.partition(template, lambda leaf: eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct))
    leaves, structure = jax.tree_util.tree_flatten_with_path(dynamic)
    found = []
    for path, leaf in leaves:
        name = prefix + path_of(path)
        if name not in arrays:
            raise StoreError(f'{where}: has no array "{name}"; it is damaged or of another model')
        value = arrays[name]
        if value.shape != leaf.shape or value.dtype != leaf.dtype:
            raise StoreError(
                f'{where}: "{name}" is {value.dtype}{list(value.shape)}, '
                f"but the spec makes it {leaf.dtype}{list(leaf.shape)}; it is of another model"
            )
        found.append(jax.numpy.asarray(value))
    tree: T = eqx.combine(jax.tree_util.tree_unflatten(structure, found), static)
    return tree


def save_arrays(path: Path, arrays: Arrays, about: Mapping[str, Any]) -> None:
    """Write arrays and a JSON-able description in one atomic step.

    Raises:
        StoreError: the file cannot be written.
    """
    write_bytes(path, as_bytes(arrays, about))


def as_bytes(arrays: Arrays, about: Mapping[str, Any]) -> bytes:
    """A safetensors file of arrays and a JSON-able description, with a checksum of both."""
    from safetensors.numpy import save

    # safetensors silently writes the bytes of a non-contiguous array in the wrong order.
    ordered = {k: np.asarray(a, order="C") for k, a in arrays.items()}
    description = json.dumps(about)
    # Under a single key, because the order of several would change from file to file.
    found: bytes = save(ordered, {"latente": json.dumps({**about, CHECKSUM: _checksum(ordered, description)})})
    return found


def _checksum(arrays: Arrays, about: str) -> str:
    found = hashlib.sha256(about.encode())
    for name in sorted(arrays):
        array = arrays[name]
        found.update(f"\0{name}\0{array.dtype}\0{array.shape}\0".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def fingerprint(tree: object) -> str:
    """SHA-256 of every array of a pytree with its name, type and shape, in hexadecimal."""
    return _checksum(flatten(tree, ""), "")


def load_arrays(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """What `save_arrays` wrote.

    Raises:
        StoreError: missing, no plain file, truncated, or not such a file.
    """
    return parse_arrays(path, read_bytes(path))


def parse_arrays(path: Path, content: bytes) -> tuple[Arrays, dict[str, Any]]:
    """As `load_arrays`, for a file's content; ``path`` names it in errors."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        found = load(content)
        # The library has checked the header, but for bytes it returns neither the metadata nor the order of the arrays.
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        metadata = header.pop("__metadata__", {})
        arrays: Arrays = {name: found[name] for name in header}
        about = json.loads(metadata.get("latente", "null"))
    except (SafetensorError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StoreError(f"{path}: is truncated or not a safetensors file ({error})") from None
    if not isinstance(about, dict):
        raise StoreError(f"{path}: is a safetensors file, but not one that latente wrote")
    # Files of older versions have none.
    if CHECKSUM in about and about.pop(CHECKSUM) != _checksum(arrays, json.dumps(about)):
        raise StoreError(f"{path}: is damaged, its checksum differs from that of what was written")
    return arrays, about


def differences(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """The differences between two JSON-able values, as lines such as "key is A there and B here"."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        keys = [*ours, *(k for k in theirs if k not in ours)]
        return [d for k in keys for d in differences(ours.get(k), theirs.get(k), f"{where}.{k}" if where else str(k))]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [
            d for i, (a, b) in enumerate(zip(ours, theirs, strict=True)) for d in differences(a, b, f"{where}[{i}]")
        ]
    # An option that did not exist when the other was written had its default: an empty list, or "auto".
    same = ours == theirs or (theirs is None and ours in ([], "auto"))
    return [] if same else [f"{where} is {theirs!r} there and {ours!r} here"]


def path_of(path: tuple[Any, ...]) -> str:
    """The name of a leaf of a pytree, as `flatten` gives it."""
    return ".".join(str(getattr(p, "name", getattr(p, "idx", getattr(p, "key", p)))) for p in path)
