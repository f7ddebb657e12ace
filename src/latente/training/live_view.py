"""What a notebook shows while a model trains: how far it is, the loss as a curve, and a few reconstructions."""

from __future__ import annotations

import base64
import html
import io
import math
import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latente.data.images import to_bytes
from latente.language.message import Message
from latente.language.words import Words
from latente.training.progress import TimeLeft, clock, epoch_line, stage_line

if TYPE_CHECKING:
    from latente.spec import RunSpec
    from latente.training.fit import EpochNumbers

Images = NDArray[np.float32]

SECONDS = 0.3
"""At most one picture in so many seconds: a notebook keeps every one that it is sent."""
WIDTH, HEIGHT, TALL = 420, 130, 56
"""Pixels of the curve, and the height of an image in the sheet."""
MARGIN = 52
COLOURS = {"val_loss": "#0072B2", "loss": "#D55E00"}
"""As in the figures of the report."""
DASHES = {"val_loss": "", "loss": ' stroke-dasharray="5 3"'}


class LiveView:
    """The view of one training, as HTML that needs no script."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.losses: dict[str, list[float]] = {"loss": [], "val_loss": []}
        self._left = TimeLeft()
        self._last: EpochNumbers | None = None
        self._due = -math.inf

    def start(self, run: RunSpec) -> str:
        """Before the first epoch."""
        return _page(stage_line(Message("progress.compiling"), run, self.words), 0.0)

    def after(self, epoch: EpochNumbers) -> str | None:
        """After an epoch; None where the last view is too young to be replaced."""
        for key, values in self.losses.items():
            values.append(float(epoch.logs[key]))
        left, self._last = self._left.after(epoch), epoch
        if time.monotonic() < self._due:
            return None
        self._due = time.monotonic() + SECONDS
        return self._view(epoch, self.words("progress.left", time=clock(left)), epoch.number / epoch.epochs)

    def end(self) -> str:
        """After the training, which may have stopped early."""
        if self._last is None:
            return ""
        done = self.words("progress.done", epochs=str(self._last.number), time=clock(sum(self._left.seconds)))
        return self._view(self._last, done, 1.0)

    def _view(self, epoch: EpochNumbers, time: str, share: float) -> str:
        shown = getattr(epoch, "shown", None)
        sheet = "" if shown is None else self._sheet(*shown, epoch.span)  # type: ignore[attr-defined, call-arg]
        return _page(f"{epoch_line(epoch, self.words)}  ({time})", share, self._curve(), sheet)

    def _curve(self) -> str:
        """Both losses over the epochs; their first values, which are far above the rest, may leave the picture."""
        values = np.array(list(self.losses.values()))
        rest = values[:, 1:] if values.shape[1] > 2 else values
        low, high = float(rest.min()), float(rest.max())
        span = high - low or 1.0
        across = (WIDTH - MARGIN - 8) / max(values.shape[1] - 1, 1)
        lines = []
        for key, row in self.losses.items():
            down = 12 + (HEIGHT - 30) * np.clip((high - np.array(row)) / span, -0.1, 1)
            points = [f"{MARGIN + i * across:.1f},{y:.1f}" for i, y in enumerate(down)]
            # A line of one point is not drawn.
            at = " ".join(points + [f"{MARGIN + 4},{down[0]:.1f}"] * (len(row) == 1))
            look = f'stroke="{COLOURS[key]}" stroke-width="1.8"{DASHES[key]}'
            lines.append(f'<polyline fill="none" {look} points="{at}"/>')
        digits = max(0, 1 - math.floor(math.log10(span)))
        title = html.escape(self.words("progress.curve"))
        marks = [
            _text(MARGIN - 6, 16, self.words.number(high, f".{digits}f"), "end"),
            _text(MARGIN - 6, HEIGHT - 15, self.words.number(low, f".{digits}f"), "end"),
            _text(MARGIN, HEIGHT - 2, "1", "start"),
            _text(WIDTH - 8, HEIGHT - 2, str(values.shape[1]), "end"),
        ]
        keys = "".join(
            f' <span style="color:{COLOURS[key]}">{sign}</span> {html.escape(self.words(f"progress.{name}"))}'
            for key, sign, name in (("loss", "╌╌", "training_loss"), ("val_loss", "━━", "validation_loss"))
        )
        return (
            f'<div style="font-size:0.85em">{title}{keys}</div>'
            f'<svg role="img" aria-label="{title}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'style="max-width:100%">{"".join(lines)}{"".join(marks)}</svg>'
        )

    def _sheet(self, originals: Images, rebuilt: Images, span: tuple[float, float]) -> str:
        """Originals above their reconstructions, as one picture."""
        rows = [np.concatenate(list(to_bytes(x, *span)), axis=1) for x in (originals, rebuilt)]
        pixels = np.concatenate(rows, axis=0)
        out = io.BytesIO()
        Image.fromarray(pixels.squeeze()).save(out, "PNG")
        title = html.escape(self.words("progress.images"))
        picture = base64.b64encode(out.getvalue()).decode()
        return (
            f'<div style="font-size:0.85em">{title}</div><img alt="{title}" src="data:image/png;base64,{picture}" '
            f'height="{2 * TALL}" style="max-width:100%;image-rendering:pixelated">'
        )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="11" fill="currentColor">{html.escape(text)}</text>'


def _page(line: str, share: float, *parts: str) -> str:
    bar = (
        '<div style="height:6px;max-width:420px;border-radius:3px;background:rgba(128,128,128,.25)">'
        f'<div style="height:6px;border-radius:3px;width:{100 * share:.1f}%;background:#0072B2"></div></div>'
    )
    return f'<div style="line-height:1.5">{html.escape(line)}{bar}{"".join(parts)}</div>'
