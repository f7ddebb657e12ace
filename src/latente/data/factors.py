"""Images with known factors of variation: drawn shapes of every scale, rotation and position, and dSprites' file.

Both give a source with ``factors``, the codes of shape, scale, rotation, x and y; the shape is also the label.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from latente.data.numpy_files import check_arrays
from latente.data.source import Factor, Source
from latente.errors import DataError, SpecError
from latente.spec import got, to_python

NAMES = ("shape", "scale", "rotation", "x", "y")
SHAPES = ("square", "ellipse", "heart")
COUNTS = (3, 4, 8, 16, 16)
"""The default number of values of each factor: 24,576 images."""

_FINE = 8  # sub-pixels along each side of a pixel
_SOFT = 32  # steps in which a sub-pixel can be covered
_SIDE = 0.3  # of the largest square, as a share of the frame
_ELLIPSE = math.sqrt(2 / math.pi), math.sqrt(1 / (2 * math.pi))  # half axes of area 1, one twice the other
# Area and height of the centre of mass of the heart (x² + y² − 1)³ ≤ x² y³.
_HEART_AREA, _HEART_CENTRE = 3.6619738, 0.2934816
_REACH = _ELLIPSE[0]  # the farthest that a shape of area 1 extends from its centre of mass
_DSPRITES = ("color", *NAMES)
_CHUNK = 1024


def draw(
    size: int = 32,
    *,
    counts: Sequence[int] = COUNTS,
    turn: float = math.pi / 2,
    examples: int | None = None,
    seed: int = 0,
) -> Source:
    """White shapes on black, antialiased: every combination of the factors once; the last factor (y) varies fastest.

    A pixel is the share of its area that the shape covers, in bytes. At the same scale all shapes have the same area,
    (0.3 · size · scale)² pixels, so that brightness does not reveal the shape; x and y are those of the centre of mass.
    With the default ``turn`` no two images are the same; beyond a quarter turn squares repeat, and beyond a half turn
    ellipses do too, and no model could tell such rotations apart.

    Args:
        size: height and width in pixels, at least 16.
        counts: how many values shape (at most 3), scale, rotation, x and y have. Scales are evenly spaced from 0.5
            to 1; rotations from 0 to ``turn``, exclusive; positions as far as the largest shape stays inside.
        turn: where the rotations end, in radians, anticlockwise; a full turn is 2π.
        examples: how many of the combinations to draw, without replacement; None for all.
        seed: of that draw.

    Returns:
        A source with x of shape (n, size, size), uint8; y, the shape; factors of shape (n, 5), whose values are names
        of shapes, shares of the largest scale, radians, and pixels from the left and from the top.

    Raises:
        SpecError: a value out of its range, or more positions than there are steps of 1/8 pixel.
    """
    size, counts, examples = to_python(size), to_python(counts), to_python(examples)
    _check(size, counts, turn)
    chosen = _chosen(examples, math.prod(counts), seed)
    places = [_places(size, n, name) for n, name in zip(counts[3:], NAMES[3:], strict=True)]
    scales = np.linspace(0.5, 1, counts[1]) if counts[1] > 1 else np.ones(1)
    rotations = turn * np.arange(counts[2]) / counts[2]
    factors = np.stack(np.unravel_index(chosen, counts), axis=1).astype(np.int64)
    x = np.empty((len(chosen), size, size), np.uint8)
    # Images of one shape, scale and rotation are consecutive, and are shifted crops of one larger image.
    pose = chosen // (counts[3] * counts[4])
    starts = np.flatnonzero(np.diff(pose, prepend=-1))
    for start, stop in zip(starts, [*starts[1:], len(chosen)], strict=True):
        shape, scale, rotation = factors[start, :3]
        cover = _cover(SHAPES[shape], _SIDE * size * scales[scale], rotations[rotation])
        across, down = (p[factors[start:stop, 3 + i]] for i, p in enumerate(places))
        x[start:stop] = _cut(cover, size, across, down)
    known = (
        Factor("shape", SHAPES[: counts[0]]),
        *(
            Factor(name, tuple(float(v) for v in values))
            for name, values in zip(NAMES[1:], (scales, rotations, *(p / _FINE for p in places)), strict=True)
        ),
    )
    return Source("factors", x, factors[:, 0].copy(), classes=SHAPES[: counts[0]], factors=factors, known=known)


def is_dsprites(path: str | os.PathLike[str]) -> bool:
    """Whether a file is an ``.npz`` with the arrays of dSprites, judged by their names only."""
    try:
        if not Path(path).expanduser().is_file():
            return False
        with zipfile.ZipFile(Path(path).expanduser()) as archive:
            return {"imgs.npy", "latents_classes.npy"} <= set(archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def read_dsprites(path: str | os.PathLike[str], *, examples: int | None = None, seed: int = 0) -> Source:
    """The file of dSprites (Matthey, Higgins, Hassabis, Lerchner 2017), or a smaller one of its layout.

    It reads ``imgs`` (n, height, width) of bytes, ``latents_classes`` and ``latents_values``, both (n, 6): color,
    shape, scale, orientation, posX, posY. The pickled ``metadata`` is never opened. A factor with a single value, such
    as the colour, is left out; orientation is called rotation, posX x, and posY y. All 737,280 images take 3 GB, and as
    much again when they are split; with ``examples`` only those are kept in memory. Rotations 0 and 2π show the same
    images, and squares repeat every quarter turn.

    Args:
        path: the ``.npz`` file.
        examples: how many images to draw, without replacement; None for all.
        seed: of that draw.

    Returns:
        A source as from `draw`, with the factors' values as in the file (rotation in radians, positions 0..1).

    Raises:
        DataError: no such file, another file, or a damaged one.
        SpecError: more examples than there are, or fewer than one.
    """
    place, examples = Path(path).expanduser(), to_python(examples)
    if not place.is_file():
        raise DataError(f"{place}: no such file; give the path of dSprites' .npz file")
    if not is_dsprites(place):
        raise DataError(
            f"{place}: is not the file of dSprites, which is an .npz with the arrays imgs, latents_classes and "
            f"latents_values; give that file, or read yours with load_data"
        )
    try:
        check_arrays(place)
        with np.load(place, allow_pickle=False) as arrays:
            codes, values = arrays["latents_classes"], arrays["latents_values"]
        _check_latents(place, codes, values)
        factors, known = _known(place, codes, values)
        chosen = _chosen(examples, len(codes), seed)
        with zipfile.ZipFile(place) as archive, archive.open("imgs.npy") as file:
            x = _rows(place, file, chosen, len(codes))
    except (DataError, SpecError, MemoryError):
        raise
    except Exception as error:  # a damaged archive raises nearly anything
        why = " ".join(str(error).split())[:160] or type(error).__name__
        raise DataError(f"{place}: cannot be read as dSprites ({why}); it is damaged, so get it again") from error
    factors = factors[chosen]
    names = [factor.name for factor in known]
    shape = names.index("shape") if "shape" in names else None
    y, classes = (None, ()) if shape is None else (factors[:, shape].copy(), tuple(map(str, known[shape].values)))
    top = 1.0 if x.max() <= 1 else 255.0
    return Source(place.stem, x, y, classes=classes, maximum=top, factors=factors, known=known)


def _check(size: int, counts: Sequence[int], turn: float) -> None:
    if isinstance(size, bool) or not isinstance(size, int) or size < 16:
        raise got("size", size, "a whole number of at least 16")
    if isinstance(counts, str) or len(counts) != 5 or not all(isinstance(n, int) and n >= 1 for n in counts):
        raise got("counts", counts, f"five whole numbers of at least 1, of {', '.join(NAMES)}")
    if counts[0] > len(SHAPES):
        raise got("counts", counts, f"at most {len(SHAPES)} shapes ({', '.join(SHAPES)})")
    if not 0 < turn <= 2 * math.pi:
        raise got("turn", turn, "an angle in radians, above 0 and at most 2π")


def _chosen(examples: int | None, most: int, seed: int) -> NDArray[np.int64]:
    """So many indices below ``most``, in order; all for None."""
    if examples is None:
        return np.arange(most)
    if isinstance(examples, bool) or not isinstance(examples, int) or not 1 <= examples <= most:
        raise got("examples", examples, f"a whole number of 1 to {most}, which is all there are")
    return np.sort(np.random.default_rng(seed).choice(most, examples, replace=False))


def _places(size: int, count: int, name: str) -> NDArray[np.int64]:
    """Positions of centres, in sub-pixels from the edge, shape (count,), evenly spaced about the middle."""
    free = math.floor(_FINE * (size - 2 * _REACH * _SIDE * size))
    step = free // (count - 1) if count > 1 else 0
    if count > 1 and step < 1:
        raise got("counts", count, f"at most {free + 1} values of {name} in {size} pixels")
    return (_FINE * size - step * (count - 1)) // 2 + step * np.arange(count)


def _cover(shape: str, side: float, rotation: float) -> NDArray[np.int32]:
    """How much of each sub-pixel a shape of area side² covers, in 0.._SOFT.

    The array has shape (2r, 2r), with the shape's centre in the middle. Edges are straight within a sub-pixel.
    """
    fine = _FINE * side
    r = math.ceil(fine * _REACH) + 1
    at = (np.arange(-r, r) + 0.5) / fine
    # Rows count downward and heights upward.
    across, up = at[None, :], -at[:, None]
    u = math.cos(rotation) * across + math.sin(rotation) * up
    v = math.cos(rotation) * up - math.sin(rotation) * across
    if shape == "square":
        covered = _edge((0.5 - np.abs(u)) * fine) * _edge((0.5 - np.abs(v)) * fine)
    elif shape == "ellipse":
        a, b = _ELLIPSE
        within = 1 - (u / a) ** 2 - (v / b) ** 2
        covered = _edge(within / (2 * np.hypot(u / a**2, v / b**2)) * fine)
    else:
        # The cube root of both sides: unlike in the curve's own equation, the slope does not vanish on the curve.
        root = math.sqrt(_HEART_AREA)
        u, v = u * root, v * root + _HEART_CENTRE
        within = np.cbrt(u * u) * v - (u * u + v * v - 1)
        # On the axis, where the cusp lies, the slope is infinite; the one a sub-pixel away is used.
        aside = np.maximum(np.abs(u), root / fine)
        slope = np.hypot(2 / 3 * v / np.cbrt(aside) - 2 * aside, np.cbrt(u * u) - 2 * v)
        covered = _edge(within / np.maximum(slope, 1e-9) / root * fine)
    # Integers, so that no sum depends on a machine's rounding.
    return np.rint(covered * _SOFT).astype(np.int32)


def _edge(inward: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.clip(inward + 0.5, 0, 1)


def _cut(cover: NDArray[np.int32], size: int, across: NDArray[np.int64], down: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Images of one shape with its centre at each (across, down) in sub-pixels, shape (n, size, size)."""
    sums = np.pad(cover, _FINE).cumsum(0).cumsum(1)
    whole = sums[_FINE:, _FINE:] - sums[:-_FINE, _FINE:] - sums[_FINE:, :-_FINE] + sums[:-_FINE, :-_FINE]
    grey = np.rint(whole * 255 / (_SOFT * _FINE**2)).astype(np.uint8)
    # An image is every eighth value of a window of a canvas, on which ``grey`` lies so that the windows' corners count
    # from 0; what lies off the canvas is outside every image.
    length = _FINE * (size - 1) + 1
    (left, right), (top, bottom) = ((int(p.min()), int(p.max())) for p in (across, down))
    canvas = np.zeros((length + bottom - top, length + right - left), np.uint8)
    r = len(cover) // 2 + _FINE - 1
    rows, columns = (slice(max(p - r, 0), max(p - r + len(grey), 0)) for p in (bottom, right))
    within = canvas[rows, columns]
    first, start = max(r - bottom, 0), max(r - right, 0)
    within[:] = grey[first : first + within.shape[0], start : start + within.shape[1]]
    windows = np.lib.stride_tricks.sliding_window_view(canvas, (length, length))[:, :, ::_FINE, ::_FINE]
    return np.asarray(windows[bottom - down, right - across], np.uint8)


def _check_latents(place: Path, codes: NDArray[Any], values: NDArray[Any]) -> None:
    columns = len(_DSPRITES)
    for name, a, kinds in (("latents_classes", codes, "iu"), ("latents_values", values, "iuf")):
        if a.ndim != 2 or a.shape[1] != columns or len(a) != len(codes) or len(a) == 0 or a.dtype.kind not in kinds:
            raise DataError(
                f"{place}: {name} has shape {a.shape} and type {a.dtype}; allowed: (n, {columns}) numbers of "
                f"{', '.join(_DSPRITES)}"
            )


def _known(place: Path, codes: NDArray[Any], values: NDArray[Any]) -> tuple[NDArray[np.int64], tuple[Factor, ...]]:
    columns, known = [], []
    for j, name in enumerate(_DSPRITES):
        _, first, counted = np.unique(codes[:, j], return_index=True, return_inverse=True)
        if len(first) == 1:
            continue
        of = values[first, j].astype(np.float64)
        if not np.array_equal(of[counted], values[:, j]):
            raise DataError(f"{place}: latents_values differ where latents_classes agree, in {name}; it is damaged")
        columns.append(counted.astype(np.int64))
        shapes = name == "shape" and all(v in (1, 2, 3) for v in of)
        known.append(Factor(name, tuple(SHAPES[int(v) - 1] for v in of) if shapes else tuple(map(float, of))))
    if not known:
        raise DataError(f"{place}: every factor has a single value; at least one must vary")
    return np.stack(columns, axis=1), tuple(known)


def _rows(place: Path, file: IO[bytes], chosen: NDArray[np.int64], expected: int) -> NDArray[np.uint8]:
    """The chosen images of a packed array, read piece by piece, shape (len(chosen), height, width)."""
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, kind = header(file)
    if len(shape) != 3 or shape[0] != expected or 0 in shape or kind != np.uint8 or by_columns:
        raise DataError(
            f"{place}: imgs has shape {shape} and type {kind}; allowed: ({expected}, height, width) bytes, row by row"
        )
    x = np.empty((len(chosen), *shape[1:]), np.uint8)
    one = shape[1] * shape[2]
    for at in range(0, expected, _CHUNK):
        here = min(_CHUNK, expected - at)
        piece = file.read(here * one)
        if len(piece) != here * one:
            raise DataError(f"{place}: imgs ends before its last image; it is cut short, so get it again")
        low, high = np.searchsorted(chosen, (at, at + here))
        x[low:high] = np.frombuffer(piece, np.uint8).reshape(here, *shape[1:])[chosen[low:high] - at]
    return x
