"""The layout of an example: its shape, where its channels are, and whether its values are bytes."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.data.notes import Note
from latente.data.source import Source, maximum_of
from latente.errors import DataError
from latente.spec import DataSpec

FIRST, LAST = "channels-first", "channels-last"


def arranged(source: Source, spec: DataSpec) -> Source:
    """A source whose examples have the shape and the layout that a spec asks for.

    - ``shape``: each example's values, in order, become an array of this shape; whole numbers from 0 to 255 become
      bytes if it has two axes or more. The columns of a table lose their names.
    - ``layout``: "channels-first" moves the first of three axes to the end, "channels-last" leaves it. "auto" moves it
      if it looks like channels, by `comes_first`, and notes that; it also notes if both the first and the last axis
      look like channels, and four channels, which may be colours with opacity.
    - A last axis of 1 is dropped from images.

    Raises:
        DataError: a shape of another size, columns of text, or a layout that examples of this shape cannot have.
    """
    parts = [source.x] if source.x_test is None else [source.x, source.x_test]
    found, features = parts, source.features
    notes: list[Note] = []
    if spec.shape:
        found, features = [_reshaped(source, x, spec.shape) for x in parts], ()
    example = found[0].shape[1:]
    asked = f"{source.name}: layout: got {spec.layout!r} and examples of shape {example}"
    if spec.layout == FIRST and len(example) != 3:
        raise DataError(f"{asked}; allowed: examples of three axes; give their shape too, for instance [3, 32, 32]")
    if spec.layout == FIRST or (spec.layout == "auto" and comes_first(example)):
        found = [np.ascontiguousarray(np.moveaxis(x, 1, -1)) for x in found]
        if spec.layout == "auto":
            read = found[0].shape[1 : 3 if example[0] == 1 else 4]
            values = {"shape": _written(example), "read": _written(read)}
            notes.append(Note("channels-first", values, f'layout = "{LAST}"'))
    elif spec.layout == "auto" and len(example) == 3 and example[0] in (1, 3) and example[2] == 3:
        notes.append(Note("channels-last", {"shape": _written(example)}, f'layout = "{FIRST}"'))
    if spec.layout == "auto" and found[0].ndim == 4 and found[0].shape[-1] == 4:
        notes.append(Note("four-channels", {"shape": _written(found[0].shape[1:])}))
    if found[0].ndim == 4 and found[0].shape[-1] == 1:
        found = [x[..., 0] for x in found]
    if all(a is b for a, b in zip(parts, found, strict=True)):
        return source.noted(*notes)
    if len(spec.shape) > 1 and all(_whole_bytes(x) for x in found):
        found = [x.astype(np.uint8) for x in found]
    same = found[0].dtype == source.x.dtype
    return dataclasses.replace(
        source,
        x=found[0],
        x_test=found[1] if len(found) > 1 else None,
        features=features,
        maximum=source.maximum if same else maximum_of(found),
    ).noted(*notes)


def comes_first(example: tuple[int, ...]) -> bool:
    """Whether the first axis of an example looks like channels: 1 or 3 (2 or 4 for squares), and the last does not."""
    if len(example) != 3 or example[2] in (1, 3):
        return False
    channels, height, width = example
    return channels in (1, 3) or (channels in (2, 4) and height == width > 4)


def _reshaped(source: Source, x: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    size = math.prod(x.shape[1:])
    if math.prod(shape) != size:
        raise DataError(
            f"{source.name}: shape: got {list(shape)}, of {math.prod(shape)} values; allowed: of {size}, for that is "
            f"what each example has"
        )
    if any(column.categories for column in source.features):
        raise DataError(f"{source.name}: shape: it has columns of text; allowed: numbers alone")
    return x.reshape(len(x), *shape)


def _whole_bytes(x: NDArray[Any]) -> bool:
    return bool(((x >= 0) & (x <= 255) & (x == np.floor(x))).all())


def _written(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))
