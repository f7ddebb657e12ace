"""A folder of images as a source: one size, grey or RGB, with sub-folders as labels."""

from __future__ import annotations

import math
import os
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from latente.data.file_limits import check_size
from latente.data.notes import Note, counted, listed
from latente.data.source import Source, make_source, maximum_of
from latente.errors import DataError
from latente.spec import DataSpec

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".webp", ".tif", ".tiff"),
    *(".pgm", ".ppm", ".pbm", ".pnm"),
)
# Pillow reads many more formats, some by starting other programs; only these are tried.
_FORMATS = dict.fromkeys((".pgm", ".ppm", ".pbm", ".pnm"), "PPM")
_OTHERS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")
TRAIN, TEST, VALIDATION = ("train", "training"), ("test", "testing"), ("val", "valid", "validation")
"""Names of folders, in any case, that are parts of a data set rather than labels."""
_NO_FOLDERS = ("__MACOSX",)
DARK = 64
"""Ink with a mean brightness below this, of 255, cannot be seen on black."""


def read_images(folder: Path, spec: DataSpec) -> Source:
    """All images of a folder, in the order of their paths: (n, height, width) or (n, height, width, 3).

    uint8, or float32 in 0..1 if any image has 16 bits; see `latente.data.files.read` for labels and colours. Images
    of floats may contain NaN if ``spec`` keeps missing values. What is skipped is noted.

    Raises:
        DataError: no images, more than one size, an image that is damaged or too large, or ambiguous labels.
    """
    contents = _scan(folder)
    if not contents.images:
        held = f" (it holds {counted(contents.others)})" if contents.others else ""
        raise DataError(f"{folder}: holds no images ({' '.join(SUFFIXES)}) and no IDX files{held}; give another")
    missing, notes = spec.missing == "keep", contents.notes()
    inner = _wrapping_folders(contents.images)
    found = [Path(*p.parts[inner:]) for p in contents.images]
    place = folder.joinpath(*contents.images[0].parts[:inner])
    if inner:
        notes.append(Note("wrapped", {"folder": str(place.relative_to(folder))}))
    roles, pixels = _roles(place, found), _Pixels(place, spec)
    if roles is None:
        x, y = pixels.stack(found), _labels(place, found, 0, notes)
        source = make_source(str(folder), x, y, maximum=maximum_of([x]), missing=missing)
    else:
        first, second = roles
        train, test = ([p for p in found if p.parts[0] == part] for part in roles)
        notes.append(Note("parts", {"train": first, "test": second}))
        x = pixels.stack(train + test)
        y, y_test = (_labels(place, part, 1, notes) for part in (train, test))
        x, x_test = x[: len(train)], x[len(train) :]
        source = make_source(str(folder), x, y, x_test, y_test, maximum_of([x, x_test]), missing=missing)
    return source.noted(*notes, *pixels.notes)


def image_forms(folder: Path) -> dict[str, str]:
    """The size and the mode of every image below a folder, by its path there: "28×28 L", or "?" for what is none.

    Modes are Pillow's (L: grey, RGB, RGBA, P: a palette, 1: black and white). Only the files' heads are read.

    Raises:
        DataError: a folder in it cannot be read.
    """
    from PIL import Image

    found = {}
    for path in _scan(folder).images:
        suffix = path.suffix.lower()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with Image.open(folder / path, formats=[_FORMATS[suffix]] if suffix in _FORMATS else _OTHERS) as opened:
                    found[str(path)] = f"{opened.width}×{opened.height} {opened.mode}"
        except Exception:  # Pillow's readers raise nearly anything on damaged bytes
            found[str(path)] = "?"
    return found


@dataclass
class _Contents:
    """What a folder contains, by paths relative to it."""

    images: list[Path] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    hidden: int = 0
    links: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    def notes(self) -> list[Note]:
        found = []
        if self.others:
            found.append(Note("passed-over", {"count": self.others.total(), "kinds": counted(self.others)}))
        if self.hidden:
            found.append(Note("hidden", {"count": self.hidden}))
        if self.links:
            found.append(Note("links", {"count": len(self.links), "names": listed(self.links)}))
        if self.empty:
            found.append(Note("empty-folders", {"count": len(self.empty), "names": listed(self.empty)}))
        return found


def _scan(folder: Path) -> _Contents:
    """Everything below a folder; hidden and linked folders are not entered."""
    found = _Contents()

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror})")

    for top, folders, files in os.walk(folder, onerror=refuse):
        here = Path(top)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in _NO_FOLDERS)
        found.links += [str((here / f).relative_to(folder)) for f in folders if (here / f).is_symlink()]
        if here != folder and not folders and not any(_is_image(f) and not f.startswith(".") for f in files):
            found.empty.append(str(here.relative_to(folder)))
        for name in files:
            if not _is_image(name):
                if not name.startswith("."):
                    found.others[Path(name).suffix.lower() or "?"] += 1
            elif name.startswith("."):
                found.hidden += 1
            elif not (here / name).is_file():
                # A pipe, a device, or a broken link.
                found.others[f"{Path(name).suffix.lower()} (?)"] += 1
            else:
                found.images.append((here / name).relative_to(folder))
    found.images.sort(key=lambda p: p.parts)
    found.links.sort()
    found.empty.sort()
    return found


def _is_image(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES


def _wrapping_folders(found: Sequence[Path]) -> int:
    """How many folders wrap everything: each contains a single folder, in whose sub-folders the images are."""
    inner = 0
    while len({p.parts[inner] for p in found}) == 1 and all(len(p.parts) > inner + 2 for p in found):
        inner += 1
    return inner


def _roles(folder: Path, found: Sequence[Path]) -> tuple[str, str] | None:
    """The names of the folders of the training and the test part; None if there are no such parts."""
    tops = {p.parts[0] for p in found if len(p.parts) > 1}
    train, test, validation = (sorted(t for t in tops if t.lower() in names) for names in (TRAIN, TEST, VALIDATION))
    if not train or not (test or validation):
        return None
    parts = [*train, *(test or validation)]
    if other := sorted({p.parts[0] for p in found} - set(parts[:2])):
        first, second = parts[:2]
        raise DataError(
            f'{folder}: holds "{other[0]}" beside "{first}" and "{second}"; allowed: these two alone (the '
            f"validation part is cut from {first}), or sub-folders that are labels"
        )
    return parts[0], parts[1]


def _labels(folder: Path, found: list[Path], level: int, notes: list[Note]) -> NDArray[Any] | None:
    names = [p.parts[level] for p in found if len(p.parts) > level + 1]
    if not names:
        return None
    if len(names) < len(found):
        loose = next(p for p in found if len(p.parts) == level + 1)
        raise DataError(
            f"{folder}: {loose} lies beside sub-folders that are labels; move it into one of them, "
            f"or all images into one folder"
        )
    if deep := [p for p in found if len(p.parts) > level + 2]:
        example = Path(*deep[0].parts[: level + 2])
        notes.append(Note("deeper", {"count": len(deep), "folder": str(example), "label": example.parts[level]}))
    # So that class 2 comes before class 10.
    whole = all(n.isascii() and n.isdigit() and str(int(n)) == n for n in names)
    return np.array([int(n) for n in names] if whole else names)


class _Pixels:
    """Reads the pixels of a folder's images, and collects notes on them."""

    def __init__(self, folder: Path, spec: DataSpec) -> None:
        self.folder, self.spec = folder, spec
        self.notes: list[Note] = []
        self._counts: Counter[str] = Counter()
        self._ink = self._brightness = 0.0

    def stack(self, found: list[Path]) -> NDArray[Any]:
        """Images of one size, in order, shape (n, height, width) or (n, height, width, 3)."""
        images: list[NDArray[Any]] = []
        for p in found:
            images.append(self._image(self.folder / p))
            first, last = images[0].shape, images[-1].shape
            if last[:2] != first[:2]:
                raise DataError(
                    f"{self.folder}: {found[0]} is {first[1]}×{first[0]} pixels and {p} is {last[1]}×{last[0]}; "
                    f"all images must have one size, so resize or crop them"
                )
            if len(images) == 1:
                check_size(self.folder, len(found) * images[0].nbytes, f"{len(found)} images like {found[0]}")
        if self.spec.mode == "alpha":
            images = [self._alpha(p, a) for p, a in zip(found, images, strict=True)]
        else:
            ground = self._ground()
            images = [self._laid(a, ground) for a in images]
        if any(a.dtype == np.float32 for a in images):
            images = [a if a.dtype == np.float32 else a.astype(np.float32) / 255 for a in images]
        if self.spec.mode == "colour" or any(a.ndim == 3 for a in images):
            images = [a if a.ndim == 3 else np.repeat(a[..., None], 3, axis=2) for a in images]
        x = np.stack(images)
        self._note(len(found))
        if x.ndim == 4 and self.spec.mode == "auto" and (x == x[..., :1]).all():
            self.notes.append(Note("alike-channels", {}, 'mode = "grey"'))
        return x

    def _image(self, path: Path) -> NDArray[Any]:
        """One image: (height, width) or (…, 3); with opacity as the last channel (…, 2) or (…, 4)."""
        from PIL import ExifTags, Image, ImageOps

        suffix = path.suffix.lower()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(path, formats=[_FORMATS[suffix]] if suffix in _FORMATS else _OTHERS) as opened:
                    # Pillow swaps the sides of such a file before it reads its rows, which silently scrambles it.
                    plain = opened.format == "TIFF" and opened.info.get("compression") == "raw"
                    if plain and opened.getexif().get(ExifTags.Base.Orientation, 1) > 4:
                        raise ValueError("a TIFF that is turned and not compressed")
                    _refuse_deep_colour(opened, path)
                    # In other formats further frames are smaller copies of a photograph.
                    if opened.format in ("GIF", "TIFF", "WEBP", "PNG") and getattr(opened, "n_frames", 1) > 1:
                        self._counts["frames"] += 1
                    if opened.mode == "CMYK":
                        self._counts["cmyk"] += 1
                    return self._pixels(ImageOps.exif_transpose(opened))
        except MemoryError:
            raise
        except Exception as error:  # Pillow's readers raise nearly anything on damaged bytes
            why = " ".join(str(error).split())[:160] or type(error).__name__
            raise DataError(
                f"{path}: cannot be read as an image ({why}); replace it, or take it out of the folder"
            ) from error

    def _pixels(self, image: Image) -> NDArray[Any]:
        if image.mode == "F":
            return np.asarray(image, np.float32)
        if image.mode.startswith("I"):
            deep = np.asarray(image)
            if deep.min() < 0 or deep.max() > 65535:
                raise ValueError("greys beyond 16 bits")
            if "transparency" in image.info:
                raise ValueError("16-bit greys of which one is transparent")
            return deep.astype(np.float32) / np.float32(65535)
        grey = image.mode in ("1", "L", "LA", "La") or self.spec.mode == "grey"
        if image.has_transparency_data:
            drawn = np.asarray(image.convert("RGBA"))
            opaque, shown = drawn[..., 3].astype(np.float64), image.convert("RGBA").convert("RGB").convert("L")
            if opaque.min() < 255:
                self._counts["transparent"] += 1
                self._ink += opaque.sum()
                self._brightness += float((opaque * np.asarray(shown)).sum())
            # Grey with opacity stays grey when it is laid on a background.
            return drawn[..., [0, 3]] if image.mode in ("1", "L", "LA", "La") else drawn
        return np.asarray(image.convert("L" if grey else "RGB"))

    def _ground(self) -> int:
        if self.spec.ground != "auto":
            return 0 if self.spec.ground == "black" else 255
        return 255 if self._brightness < DARK * self._ink else 0

    def _laid(self, a: NDArray[Any], ground: int) -> NDArray[Any]:
        """An image on a background, without its opacity."""
        from PIL import Image

        if a.ndim != 3 or a.shape[2] == 3:
            return a
        grey = a.shape[2] == 2
        over = Image.fromarray(np.ascontiguousarray(a[..., [0, 0, 0, 1]] if grey else a))
        laid = Image.alpha_composite(Image.new("RGBA", over.size, (ground, ground, ground, 255)), over)
        return np.asarray(laid.convert("L" if grey or self.spec.mode == "grey" else "RGB"))

    def _alpha(self, path: Path, a: NDArray[Any]) -> NDArray[Any]:
        if a.ndim != 3 or a.shape[2] == 3:
            raise DataError(f'{self.folder / path}: mode = "alpha": nothing says how opaque it is; take another mode')
        return a[..., -1]

    def _note(self, images: int) -> None:
        counts = self._counts
        if counts["transparent"] and self.spec.mode != "alpha":
            ground, other = ("white", "black") if self._ground() else ("black", "white")
            values: dict[str, str | int] = {"count": counts["transparent"], "images": images, "ground": ground}
            option = f'ground = "{other}", or mode = "alpha"' if self.spec.ground == "auto" else ""
            self.notes.append(Note(f"on-{ground}", values, option))
        for key in ("frames", "cmyk"):
            if counts[key]:
                self.notes.append(Note(key, {"count": counts[key], "images": images}))


def _refuse_deep_colour(image: Image, path: Path) -> None:
    """Refuse 16-bit colours, which Pillow silently reads with 8 bits."""
    bits: Any = 8
    if image.format == "PNG":
        with path.open("rb") as file:
            head = file.read(26)
        # Bit depth and colour type: 0 is grey, which Pillow reads with all its bits.
        bits = head[24] if head[25] != 0 else 8
    elif image.format == "TIFF":
        found = image.tag_v2.get(258, ())  # type: ignore[attr-defined]
        bits = max(found) if isinstance(found, tuple) and len(found) > 1 else 8
    elif image.format == "PPM" and image.mode == "RGB":
        given = image.tile[0][3]  # type: ignore[attr-defined]
        bits = 16 if isinstance(given, tuple) and isinstance(given[-1], int) and given[-1] > 255 else 8
    if bits > 8:
        raise ValueError(
            f"it has {bits} bits a channel, and colours and transparency are read with 8; save it with 8, or as greys"
        )


def to_bytes(images: NDArray[np.generic], low: float = 0.0, high: float = 1.0) -> NDArray[np.uint8]:
    """Images as bytes of shape (n, height, width[, 3]): bytes stay, others are scaled from low..high to 0..255."""
    # Imported here because it needs JAX, which reading data does not.
    from latente.memory import arrays_at_once

    a = np.asarray(images)
    if a.ndim == 4 and a.shape[-1] == 1:
        a = a[..., 0]
    if a.dtype == np.uint8:
        return a.astype(np.uint8, copy=False)
    made = np.empty(a.shape, np.uint8)
    size = arrays_at_once(math.prod(a.shape[1:]), len(a), memory=2**26)
    for at in range(0, len(a), size):
        scaled = (a[at : at + size].astype(np.float64) - low) * (255 / (high - low if high > low else 1.0))
        made[at : at + size] = np.clip(np.round(np.nan_to_num(scaled)), 0, 255)
    return made
