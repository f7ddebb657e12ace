"""A report written again where the data is not: what of the earlier one is kept, and what is said of that."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latente.atomic import JSON_LIMIT, parse_json
from latente.errors import StoreError
from latente.evaluation.manifest import Manifest, damage, reading
from latente.evaluation.scores import scores
from latente.report.figures.figure_file import FigureFile
from latente.report.sections import PICTURED

KEPT = "report.json"
"""The file beside a report that says of its figures, and of its conclusions, what a later one must know."""

MIMES = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"}


@dataclass(frozen=True)
class KeptReport:
    """What an earlier report of a study found in the data.

    Attributes:
        concluded: its conclusions, as `latente.report.conclusions.conclude` gave them.
        grey: whether the data has values between the lowest and the highest.
        figures: its figures, with captions in its language.
    """

    concluded: dict[str, Any]
    grey: bool
    figures: tuple[FigureFile, ...]


def as_table(concluded: Mapping[str, Any], grey: bool, drawn: Sequence[FigureFile]) -> dict[str, Any]:
    """What `KEPT` holds of a report; `read_kept` reads it."""
    figures = [
        {"file": f.file, "size": list(f.size), "caption": f.caption, "alt": f.alt, "group": f.group, "wide": f.wide,
         "finding": f.finding, "chart": f.is_chart, "moves": f.still is not None}
        for f in drawn
    ]  # fmt: skip
    return {"grey": grey, "concluded": dict(concluded), "figures": figures}


def read_kept(folder: Path) -> KeptReport | None:
    """What a study's folder keeps of its report; None where a version wrote it that kept nothing.

    Raises:
        StoreError: it is damaged, or is not what was written.
    """
    return reading(folder, _read)


def _read(manifest: Manifest) -> KeptReport | None:
    if not manifest.lists(KEPT):
        return None
    path = manifest.folder / KEPT
    table = parse_json(path, manifest.read(KEPT, JSON_LIMIT))
    with damage(path):
        figures = tuple(_figure(manifest, row) for row in table["figures"])
        return KeptReport(dict(table["concluded"]), bool(table["grey"]), figures)


def _figure(manifest: Manifest, row: Mapping[str, Any]) -> FigureFile:
    name, group = str(row["file"]), str(row["group"])
    suffix = Path(name).suffix
    if "/" in name or "\\" in name or suffix not in MIMES or group not in {"hero", *PICTURED, *scores}:
        raise ValueError(f"{name!r} of {group!r} is no figure")
    width, height = (int(side) for side in row["size"])
    content = manifest.read(f"figures/{name}")
    still = _last_frame(manifest.folder / "figures" / name, content) if row["moves"] else None
    texts = str(row["caption"]), str(row["alt"]), group
    wide, chart, finding = bool(row["wide"]), bool(row["chart"]), str(row["finding"])
    size = width, height
    return FigureFile(name, MIMES[suffix], content, size, *texts, wide, still, finding=finding, is_chart=chart)


def _last_frame(path: Path, content: bytes) -> bytes:
    """The last frame of an animation, for who wants nothing to move."""
    from PIL import Image

    out = io.BytesIO()
    try:
        with Image.open(io.BytesIO(content), formats=("WEBP",)) as film:
            film.seek(getattr(film, "n_frames", 1) - 1)
            film.save(out, "WEBP", lossless=True)
    except (OSError, EOFError, ValueError) as error:
        raise StoreError(f"{path}: is no animation that can be read ({error})") from None
    return out.getvalue()


def with_kept(drawn: Sequence[FigureFile], kept: Sequence[FigureFile]) -> tuple[list[FigureFile], list[FigureFile]]:
    """The figures of a report, those of the earlier one where they cannot be drawn, in its order; and those alone."""
    anew = {figure.file: figure for figure in drawn}
    earlier = [figure for figure in kept if figure.file not in anew]
    known = {figure.file for figure in kept}
    every = [anew.get(figure.file, figure) for figure in kept] + [f for f in drawn if f.file not in known]
    groups = list(dict.fromkeys(figure.group for figure in every))
    return sorted(every, key=lambda figure: groups.index(figure.group)), earlier
