"""The points of a map as a file for other tools: Parquet for embedding-atlas, or vectors and metadata as TSV for
TensorBoard's projector."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latente.errors import SpecError
from latente.evaluation.metrics.embedding import principal_axes
from latente.evaluation.metrics.neighbours import nearest
from latente.evaluation.outputs import Output
from latente.explorer.run_view import RunView

NEAR = 15
"""Neighbours of each example that the Parquet file names."""

MOST_COMPARED = 20_000
"""Of more examples no neighbours are sought: it takes time that grows with their square."""

PICTURES = 200_000_000
"""Bytes of pixels up to which the images themselves are in the Parquet file."""

MADE_BY = b"latente explore"


def write_points(view: RunView, split: str, path: Path) -> list[Path]:
    """Write the codes of a split with all that is known of each example.

    - ``.parquet``: one row an example with ``x`` and ``y`` (its two latents, or the first two principal components of
      more), ``index``, every field of `RunView.fields`, ``z1`` …, ``image`` (a PNG, of images) and ``neighbors``, the
      nearest by code (``ids`` of rows, ``distances``), as embedding-atlas reads them.
    - ``NAME.tsv``: the codes, a line an example without a header, and ``NAME.metadata.tsv``: the fields with one.

    Raises:
        SpecError: Parquet without pyarrow. StoreError: another file is there, or it cannot be written.
    """
    return (_parquet if path.suffix == ".parquet" else _tsv)(view, split, path)


def columns(view: RunView, split: str) -> dict[str, NDArray[Any]]:
    """Every field by a name of its own, after ``split`` and ``index``."""
    found: dict[str, NDArray[Any]] = {}
    names = np.repeat(_parts(split), [len(view.data.part(p)) for p in _parts(split)])
    found["split"], found["index"] = names, np.arange(len(names))
    for field in view.fields(split):
        name = field.name or field.key
        while name in found:
            name += "_"
        found[name] = field.written
    return found


def _parts(split: str) -> tuple[str, ...]:
    from latente.data.split import PARTS

    return PARTS if split == "all" else (split,)


def _parquet(view: RunView, split: str, path: Path) -> list[Path]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise SpecError(f"{path}: writing Parquet needs pyarrow; pip install 'latente[parquet]'") from None
    output = Output(path, "--export", "table of latente's explorer", _is_ours)
    codes, _ = view.encoded(split)
    place = codes[:, :2] if codes.shape[1] == 2 else _principal(codes)
    taken = {"x": place[:, 0], "y": place[:, 1]} | {
        (name if name not in ("x", "y") else f"{name}_"): values for name, values in columns(view, split).items()
    }
    for j in range(codes.shape[1]):
        name = f"z{j + 1}"
        taken[name if name not in taken else f"{name}_code"] = codes[:, j]
    table = {name: pa.array(values.tolist() if values.dtype == object else values) for name, values in taken.items()}
    if view.data.is_image and len(codes) * view.data.train.x[0].size <= PICTURES and "image" not in table:
        drawn = view.examples(split, np.arange(len(codes)))
        table["image"] = pa.array([{"bytes": _png(one)} for one in drawn])
    if 1 < len(codes) <= MOST_COMPARED and "neighbors" not in table:
        found = nearest(codes, codes, min(NEAR, len(codes) - 1), same=True)
        pairs = zip(found.index.tolist(), found.distance.tolist(), strict=True)
        table["neighbors"] = pa.array([{"ids": ids, "distances": distances} for ids, distances in pairs])
    buffer = io.BytesIO()
    made = pa.table(table).replace_schema_metadata({b"made_by": MADE_BY})
    parquet.write_table(made, buffer)
    output.write(buffer.getvalue())
    return [path]


def _tsv(view: RunView, split: str, path: Path) -> list[Path]:
    beside = path.with_suffix(".metadata.tsv")
    codes, _ = view.encoded(split)
    known = columns(view, split)
    header = "\t".join(_cell(name) for name in known)
    vectors = Output(path, "--export", "table of latente's explorer", _numbers)
    metadata = Output(beside, "--export", "table of latente's explorer", lambda raw: raw.startswith(b"split\tindex"))
    rows = zip(*(values.tolist() for values in known.values()), strict=True)
    vectors.write("".join("\t".join(f"{v:.9g}" for v in row) + "\n" for row in codes.tolist()))
    metadata.write("\n".join([header, *("\t".join(map(_cell, row)) for row in rows)]) + "\n")
    return [path, beside]


def _cell(value: Any) -> str:
    """A value without tabs and ends of lines, which would be another cell or row."""
    return " ".join(str(value).split()) if isinstance(value, str) else "" if value != value else f"{value:.9g}"


def _principal(codes: NDArray[np.float32]) -> NDArray[np.float32]:
    centre, axes, _ = principal_axes(codes)
    place: NDArray[np.float32] = ((codes - centre) @ axes[:2].T).astype(np.float32)
    return place if place.shape[1] == 2 else np.column_stack([place[:, 0], np.zeros_like(place[:, 0])])


def _png(image: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(image[:, :, 0] if image.shape[2:] == (1,) else image).save(out, "PNG")
    return out.getvalue()


def _is_ours(content: bytes) -> bool:
    """Whether it is a Parquet file that this module wrote; the name of who made it stands at its end, as text."""
    return content.startswith(b"PAR1") and MADE_BY in content


def _numbers(content: bytes) -> bool:
    first = content[: content.find(b"\n")] if b"\n" in content else content
    try:
        return bool([float(v) for v in first.split(b"\t")])
    except ValueError:
        return False
