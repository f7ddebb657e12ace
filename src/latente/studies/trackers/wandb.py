"""Weights & Biases, offline: files in the study's folder, which ``wandb sync`` uploads later."""

from __future__ import annotations

import os
import secrets
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latente.evaluation.run import Run
from latente.spec import RunSpec
from latente.studies.trackers.base import Followed, Tracker, end_numbers, key, settings_of, trackers

HEADER, BLOCK = b":W&B", 32768
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4
"""Of the offline files; the kinds of the parts of a record."""


@trackers.register("wandb")
@dataclass
class WeightsAndBiases(Tracker):
    """Offline runs in the study's folder ``wandb/``, in one group; ``wandb sync`` uploads them.

    Of each run its settings, its losses by epoch and its numbers at the end; of the study its report and figures. A run
    that is gone on with has a second folder with the same id, and ``wandb sync --append`` adds it to the first.

    Attributes:
        project: its name; by default ``WANDB_PROJECT``, or "latente".
    """

    needs = "wandb"
    project: str = ""
    _study: Followed | None = field(default=None, init=False)
    _open: dict[str, Any] = field(default_factory=dict, init=False)

    def begin(self, study: Followed) -> None:
        """Nothing is written yet."""
        self._study = study
        self._open.clear()

    def begin_run(self, run: RunSpec) -> int:
        """A folder of files is begun; the epochs of those that are there already are counted."""
        known = max((step for step, _ in history(self._folder(), self._id(key(run)))), default=0)
        self._begin(key(run), settings_of(run), "run")
        return known

    def log_epoch(self, run: RunSpec, number: int, logs: Mapping[str, float]) -> None:
        """Its numbers, at the step of its number."""
        self._open[key(run)].log(dict(logs), step=number)

    def end_run(self, run: Run, folder: Path) -> None:
        """Its numbers, as the run's summary."""
        opened = self._open.pop(key(run.spec))
        opened.summary.update(end_numbers(run))
        opened.finish()

    def end(self) -> None:
        """A run for the study itself, with its report and those of its figures that are pictures."""
        import wandb

        assert self._study is not None
        opened = self._begin("", self._study.settings(), "study")
        shown: dict[str, Any] = {
            f"figures/{path.stem}": wandb.Image(str(path)) for path in self._study.figures() if path.suffix == ".png"
        }
        report = self._study.folder / "report.html"
        opened.log({**shown, "report": wandb.Html(report.read_text(encoding="utf-8"), inject=False)})
        opened.finish()
        self._open.clear()

    def stop(self) -> None:
        """What is open is said to have failed."""
        for opened in self._open.values():
            opened.finish(exit_code=1)
        self._open.clear()

    def _folder(self) -> Path:
        assert self._study is not None
        return self._study.folder

    def _id(self, name: str) -> str:
        assert self._study is not None
        return self._study.ids.setdefault(name, secrets.token_hex(4))

    def _begin(self, name: str, config: Mapping[str, Any], kind: str) -> Any:
        import wandb

        assert self._study is not None
        title = self._study.spec.title
        self._open[name] = wandb.init(
            project=self.project or os.environ.get("WANDB_PROJECT") or "latente",
            id=self._id(name),
            name=name or title,
            group=title,
            job_type=kind,
            config=dict(config),
            dir=str(self._folder()),
            mode="offline",
            # Of several runs that go on at once, none ends another.
            reinit="create_new",
            # Nothing of the program, of its output or of the machine.
            save_code=False,
            settings=wandb.Settings(silent=True, console="off", disable_git=True, x_disable_stats=True),
        )
        return self._open[name]


def history(folder: Path, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The epochs that the offline files of a run have: step, and JSON by name."""
    for record in records(folder, name):
        if record.WhichOneof("record_type") == "history":
            items = {"/".join(item.nested_key) or item.key: item.value_json for item in record.history.item}
            if "loss" in items:
                yield int(items.get("_step", record.history.step.num)), items


def records(folder: Path, name: str) -> Iterator[Any]:
    """The messages in the offline files of a run; wandb has no reader of them in Python any more.

    They are a log of LevelDB (its doc/log_format.md) after 7 bytes of wandb's own: blocks of 32 KiB with parts of
    records, each after its checksum, length and kind. A killed process leaves the last one cut.
    """
    from wandb.proto.wandb_internal_pb2 import Record

    for path in sorted(folder.glob(f"wandb/offline-run-*-{name}*/run-{name}.wandb")):
        content, at, whole = path.read_bytes(), len(HEADER) + 3, b""
        while content.startswith(HEADER) and at + 7 <= len(content):
            if BLOCK - at % BLOCK < 7:
                at += BLOCK - at % BLOCK
                continue
            _, length, kind = struct.unpack_from("<IHB", content, at)
            if kind not in (FULL, FIRST, MIDDLE, LAST) or at + 7 + length > len(content):
                break
            part, at = content[at + 7 : at + 7 + length], at + 7 + length
            whole = part if kind in (FULL, FIRST) else whole + part
            if kind in (FULL, LAST):
                record = Record()
                record.ParseFromString(whole)
                yield record
