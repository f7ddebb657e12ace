"""TensorBoard: event files in the study's folder, with scalars, images, settings and the projector's codes.

They are written with the package `tensorboard` alone: its own file writer and messages, which need neither TensorFlow
nor PyTorch, and which are the ones that its page reads. (`tensorboardX` would be a second package with copies of them.)
"""

from __future__ import annotations

import io
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from latente.atomic import make_folder, write_bytes, write_text
from latente.data.images import to_bytes
from latente.data.units import span_of
from latente.evaluation import latent
from latente.evaluation.run import Run
from latente.report.figures.animation import frame_epochs
from latente.report.figures.images import mosaic
from latente.spec import RunSpec
from latente.studies.trackers.base import Followed, Tracker, end_numbers, key, settings_of, trackers

if TYPE_CHECKING:
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

FRAMES = 10
"""Of reconstructions over the epochs, evenly spread, the last among them."""

POINTS = 5000
"""Codes in the projector, which draws some thousand smoothly."""

SPRITE = 8192
"""Pixels of a sheet of thumbnails on each side, at most: the projector's own limit."""

THUMB = 64
"""Pixels of a thumbnail on each side, at most."""


@trackers.register("tensorboard")
@dataclass
class TensorBoard(Tracker):
    """Event files in the study's folder ``tensorboard/``, a folder for each run: ``tensorboard --logdir`` shows them.

    Of each epoch its losses; of each finished run its numbers, settings (HPARAMS), reconstructions over the epochs and
    the codes of validation examples with labels and thumbnails (PROJECTOR); of the study the report's figures.
    """

    needs = "tensorboard"
    _study: Followed | None = field(default=None, init=False)
    _writers: dict[str, EventFileWriter] = field(default_factory=dict, init=False)

    def begin(self, study: Followed) -> None:
        """Nothing is written yet."""
        self._study = study
        self._writers.clear()

    @property
    def folder(self) -> Path:
        """Where the event files lie."""
        assert self._study is not None
        return self._study.folder / "tensorboard"

    def begin_run(self, run: RunSpec) -> int:
        """Another file is begun; the epochs of those that lie there already are counted."""
        known = max(steps(self.folder / key(run), "loss"), default=0)
        if not known:
            self._write(key(run), _started(settings_of(run)), 0)
        return known

    def log_epoch(self, run: RunSpec, number: int, logs: Mapping[str, float]) -> None:
        """A scalar each."""
        for name, value in logs.items():
            self._write(key(run), _scalar(name, value), number)
        self._writers[key(run)].flush()

    def end_run(self, run: Run, folder: Path) -> None:
        """Numbers at the last epoch, images at theirs, and the files of the projector."""
        name, last = key(run.spec), len(run.history["loss"])
        for metric, value in end_numbers(run).items():
            self._write(name, _scalar(metric, value), last)
        for epoch, picture in _reconstructions(run):
            self._write(name, _image("reconstructions", picture), epoch)
        self._write(name, _ended(), last)
        self._writers.pop(name).close()
        write_projector(run, self.folder / name)

    def end(self) -> None:
        """The report's figures that are pictures."""
        assert self._study is not None
        for figure in self._study.figures():
            if figure.suffix == ".png":
                self._write("", _image(f"figures/{figure.stem}", figure.read_bytes()), 0)
        self.stop()

    def stop(self) -> None:
        """Close what is open."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _write(self, name: str, value: Any, step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        if name not in self._writers:
            self._writers[name] = EventFileWriter(str(self.folder / name))
        self._writers[name].add_event(Event(wall_time=time.time(), step=step, summary=Summary(value=[value])))


def steps(folder: Path, tag: str) -> Iterable[int]:
    """The steps at which the event files of a folder have a scalar, by TensorBoard's own reader."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    for path in sorted(folder.glob("events.out.tfevents.*")):
        for event in EventFileLoader(str(path)).Load():
            if any(value.tag == tag for value in event.summary.value):
                yield event.step


def _scalar(tag: str, value: float) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.scalar.metadata import create_summary_metadata

    about = create_summary_metadata(display_name="", description="")
    return Summary.Value(tag=tag, simple_value=value, metadata=about)


def _image(tag: str, png: bytes) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary

    with Image.open(io.BytesIO(png)) as picture:
        width, height = picture.size
    return Summary.Value(tag=tag, image=Summary.Image(width=width, height=height, encoded_image_string=png))


def _started(settings: Mapping[str, Any]) -> Any:
    """What HPARAMS shows of a run: numbers, texts and truths; lists as text."""
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionStartInfo

    info = SessionStartInfo(start_time_secs=time.time())
    for name, value in settings.items():
        if isinstance(value, bool):
            info.hparams[name].bool_value = value
        elif isinstance(value, int | float):
            info.hparams[name].number_value = value
        else:
            info.hparams[name].string_value = str(value)
    return _hparams(metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=info))


def _ended() -> Any:
    from tensorboard.plugins.hparams import metadata
    from tensorboard.plugins.hparams.api_pb2 import Status
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo

    info = SessionEndInfo(status=Status.Value("STATUS_SUCCESS"), end_time_secs=time.time())
    return _hparams(metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=info))


def _hparams(tag: str, content: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata

    about = metadata.create_summary_metadata(content)
    return Summary.Value(tag=tag, metadata=about, tensor=metadata.NULL_TENSOR)


def _reconstructions(run: Run) -> Iterable[tuple[int, bytes]]:
    """Epochs, and the first validation images as they were rebuilt after them, below the originals."""
    frames = run.frames
    if frames is None:
        return
    epochs = frame_epochs(
        len(frames), run.spec.train.epochs_for(len(run.data.train)), len(run.history["loss"]), math.prod(run.data.shape)
    )
    originals = _pixels(run, frames.shape[1])
    for at in sorted({round(i) for i in np.linspace(0, len(frames) - 1, FRAMES)}):
        yield epochs[at], _png(mosaic(np.concatenate([originals, _seen(frames[at])]), frames.shape[1]))


def _pixels(run: Run, count: int) -> NDArray[np.uint8]:
    """The first validation images, shape (n, height, width[, 3])."""
    return _seen(to_bytes(run.data.values(run.data.validation.x[:count]), *span_of(*run.data.value_range())))


def _seen(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return images[..., 0] if images.ndim == 4 and images.shape[-1] == 1 else images


def _png(pixels: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def write_projector(run: Run, folder: Path) -> None:
    """The codes of validation examples for the projector: values, labels, thumbnails of images, and its config.

    Labels have a column of their own; where there are none, examples are numbered.
    """
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    data = run.data
    part = data.validation
    count = min(len(part), POINTS)
    codes = latent.encode(run.model, data.values(part.x), latent.context_of(run.model, run.spec.model, data, part))[
        :count
    ]
    make_folder(folder)
    write_text(folder / "codes.tsv", "".join("\t".join(f"{v:.7g}" for v in row) + "\n" for row in codes))
    config = ProjectorConfig()
    shown = config.embeddings.add(tensor_name="codes", tensor_path="codes.tsv", metadata_path="labels.tsv")
    names = map(str, range(count)) if part.y is None else (_one_cell(data.classes[c]) for c in part.y[:count])
    # A file of one column has no header.
    write_text(folder / "labels.tsv", "".join(f"{name}\n" for name in names))
    if data.is_image:
        sheet, size = _sheet(_pixels(run, count))
        write_bytes(folder / "thumbnails.png", sheet)
        shown.sprite.image_path = "thumbnails.png"
        shown.sprite.single_image_dim.extend(size)
    write_text(folder / "projector_config.pbtxt", str(config))


def _one_cell(label: str) -> str:
    return " ".join(str(label).split()) or " "


def _sheet(images: NDArray[np.uint8]) -> tuple[bytes, tuple[int, int]]:
    """Thumbnails row by row in a square of places, as the projector reads them, and the width and height of one."""
    side = math.ceil(math.sqrt(len(images)))
    height, width = images.shape[1:3]
    most = min(THUMB, SPRITE // side)
    scale = min(1.0, most / max(height, width))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    sheet = np.full((side * height, side * width, *images.shape[3:]), 255, np.uint8)
    for i, image in enumerate(images):
        small = np.asarray(Image.fromarray(image).resize((width, height)))
        top, left = i // side * height, i % side * width
        sheet[top : top + height, left : left + width] = small
    return _png(sheet), (width, height)
