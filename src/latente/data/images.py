"""A folder of images as a source: one size, grey or RGB, with sub-folders as labels."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latente.data.source import Source, make_source
from latente.errors import DataError
from latente.spec import DataSpec

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")
# Pillow knows many more formats, some of which start other programs; what is not asked for is not tried.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")


def read_images(folder: Path, spec: DataSpec) -> Source:
    """All images of a folder, in the order of their paths: (n, height, width) or (n, height, width, 3).

    uint8, or float32 in 0..1 if any image has 16 bits; see `latente.data.files.read` for labels and colours. Images
    of floating point may have NaN where ``spec`` keeps what is missing.

    Raises:
        DataError: no images, more than one size, a damaged or too large image, or labels that are not clear.
    """
    images = (p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    shown = (p.relative_to(folder) for p in images)
    found = sorted((p for p in shown if not any(s.startswith(".") for s in p.parts)), key=lambda p: p.parts)
    if not found:
        raise DataError(f"{folder}: holds no images ({' '.join(SUFFIXES)}) and no IDX files; give another")
    missing = spec.missing == "keep"
    tops = {p.parts[0] for p in found if len(p.parts) > 1}
    if not {"train", "test"} <= tops:
        return make_source(str(folder), _stack(folder, found), _labels(folder, found, 0), missing=missing)
    if other := sorted({p.parts[0] for p in found} - {"train", "test"}):
        raise DataError(
            f'{folder}: holds "{other[0]}" beside "train" and "test"; allowed: these two alone (the '
            f"validation part is cut from train), or sub-folders that are labels"
        )
    train, test = ([p for p in found if p.parts[0] == part] for part in ("train", "test"))
    x = _stack(folder, train + test)
    y, y_test = _labels(folder, train, 1), _labels(folder, test, 1)
    return make_source(str(folder), x[: len(train)], y, x[len(train) :], y_test, missing=missing)


def _labels(folder: Path, found: list[Path], level: int) -> NDArray[Any] | None:
    names = [p.parts[level] for p in found if len(p.parts) > level + 1]
    if not names:
        return None
    if len(names) < len(found):
        loose = next(p for p in found if len(p.parts) == level + 1)
        raise DataError(
            f"{folder}: {loose} lies beside sub-folders that are labels; move it into one of them, "
            f"or all images into one folder"
        )
    # So that the classes 2 and 10 come in this order.
    whole = all(n.isascii() and n.isdigit() and str(int(n)) == n for n in names)
    return np.array([int(n) for n in names] if whole else names)


def _stack(folder: Path, found: list[Path]) -> NDArray[Any]:
    images: list[NDArray[Any]] = []
    for p in found:
        images.append(_image(folder / p))
        first, last = images[0].shape, images[-1].shape
        if last[:2] != first[:2]:
            raise DataError(
                f"{folder}: {found[0]} is {first[1]}×{first[0]} pixels and {p} is {last[1]}×{last[0]}; "
                f"all images must have one size, so resize or crop them"
            )
    if any(a.dtype == np.float32 for a in images):
        images = [a if a.dtype == np.float32 else a.astype(np.float32) / 255 for a in images]
    if any(a.ndim == 3 for a in images):
        images = [a if a.ndim == 3 else np.repeat(a[..., None], 3, axis=2) for a in images]
    return np.stack(images)


def _image(path: Path) -> NDArray[Any]:
    from PIL import ExifTags, Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as opened:
                # Pillow swaps the sides of such a file before it reads its rows, and scrambles it in silence.
                plain = opened.format == "TIFF" and opened.info.get("compression") == "raw"
                if plain and opened.getexif().get(ExifTags.Base.Orientation, 1) > 4:
                    raise ValueError("a TIFF that is turned and not compressed")
                return _pixels(ImageOps.exif_transpose(opened))
    except Exception as error:  # Pillow's readers raise nearly anything on damaged bytes
        why = " ".join(str(error).split())[:160] or type(error).__name__
        raise DataError(
            f"{path}: cannot be read as an image ({why}); replace it, or take it out of the folder"
        ) from error


def _pixels(image: Image) -> NDArray[Any]:
    from PIL import Image

    if image.mode == "F":
        return np.asarray(image, np.float32)
    if image.mode.startswith("I"):
        deep = np.asarray(image)
        if deep.min() < 0 or deep.max() > 65535:
            raise ValueError("greys beyond 16 bits")
        return deep.astype(np.float32) / np.float32(65535)
    if image.has_transparency_data:
        grey = image.mode in ("1", "L", "LA", "La")
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
        return np.asarray(image.convert("L" if grey else "RGB"))
    return np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
