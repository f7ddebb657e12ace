"""What the commands share that work on rows of data with a finished run: reading, batches, conditions, writing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latente.cli import compiling
from latente.cli import options as common
from latente.cli.options import AddCommand, Arguments
from latente.errors import DataError, SpecError, StoreError, unknown

if TYPE_CHECKING:
    import argparse

    from numpy.typing import NDArray

    from latente.evaluation.held_out import HeldOut
    from latente.evaluation.run import Run

BATCH = 4096
"""Rows in memory at a time; fewer where they are large (`VALUES`)."""
VALUES = 2**23
"""Values in memory at a time."""
MOST_IMAGES = 1024
"""Of a sheet."""


def parser_of(command: AddCommand, name: str, do: Callable[[Arguments], None], text: str) -> argparse.ArgumentParser:
    """A command that takes RUN, what follows, and -o."""
    made = command(name, do, help=text)
    made.add_argument("folder", metavar="RUN", help="the run's folder")
    return made


def data_options(parser: argparse.ArgumentParser) -> None:
    """DATA and --keep."""
    parser.add_argument(
        "data_file",
        metavar="DATA",
        help=".csv, .parquet, .npy, .npz, a folder of images, or - for CSV on standard input",
    )
    text = "a column of DATA to write before the others, such as an identifier (may be repeated)"
    parser.add_argument("--keep", action="append", default=[], metavar="COLUMN", help=text)


def output_options(parser: argparse.ArgumentParser) -> None:
    """-o, --given and --lang."""
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT",
        help=".csv, .parquet, .npy, .npz, .png for a sheet of images, or - for CSV on standard output",
    )  # fmt: skip
    text = "for a conditional model: the class of every row, or column=value (may be repeated); else read from DATA"
    parser.add_argument("--given", action="append", default=[], metavar="VALUE", help=text)
    common.language(parser)


def opened(arguments: Arguments) -> RunRows | EstimatorRows:
    """The run or estimator, once it is known that the output may be written."""
    from latente.data.row_files import check_target

    target = arguments.output
    if is_sheet(target):
        if Path(target).exists():
            raise StoreError(f"-o: {target} exists, and nothing is overwritten; give another name, or remove it")
    else:
        check_target(target)
    compiling.prepare()
    if (Path(arguments.folder) / "estimator.json").is_file():
        from latente.sklearn import load as load_estimator

        return EstimatorRows(load_estimator(arguments.folder), arguments.given)
    from latente.evaluation.run import load

    return RunRows(load(arguments.folder), arguments.given)


def is_sheet(target: str) -> bool:
    """Whether the output is a sheet of images."""
    return Path(target).suffix.lower() == ".png"


def on_rows(
    arguments: Arguments, model: RunRows | EstimatorRows, names: Sequence[str], work: Callable[[Any], Any]
) -> None:
    """Read DATA batch by batch, and write what ``work`` makes of each: an array (n, ...), or a column each.

    Args:
        arguments: of the command.
        model: what works.
        names: of the columns that ``work`` gives.
        work: takes a frame or an array.
    """
    from latente.cli.progress import counting
    from latente.data.row_input import reading

    source, done = arguments.data_file, 0
    label = str(arguments.parser.prog.split()[-1])
    with (
        reading(source, batch_size(model.run), model.run.spec.data) as rows,
        output(arguments.output, [*arguments.keep, *names], model.run) as write,
        counting() as count,
    ):
        for batch in rows.batches:
            kept = [_column(batch, name) for name in arguments.keep]
            found = work(batch)
            write([*kept, *_as_columns(found)] if kept else found)
            done += len(batch)
            count(label, done, rows.total or done)
        if not done:
            raise DataError(f"{source}: has no rows; at least one is needed")


def batch_size(run: Run) -> int:
    """How many rows are worked on at a time."""
    return max(1, min(BATCH, VALUES // max(_size(run), run.model.code_size)))


class RunRows:
    """A run as it works on rows: frames or arrays in, arrays or columns out, in the data's own units."""

    def __init__(self, run: Run, asked: Sequence[str]) -> None:
        self.run, self.asked = run, asked
        if asked and not run.model.context_size:
            raise SpecError(f"--given {asked[0]}: this model is not conditioned on anything; leave it out")

    def held_out(self) -> HeldOut:
        """What its validation examples are like."""
        from latente.evaluation.held_out import held_out

        return held_out(self.run)

    def model_values(self, batch: Any) -> Any:
        """Examples as the model sees them, shape (n, *shape)."""
        return self.run.scaled(self._examples(batch))

    @property
    def code_names(self) -> list[str]:
        """z1, z2, …"""
        return [f"z{i + 1}" for i in range(self.run.model.code_size)]

    @property
    def value_names(self) -> list[str]:
        """The columns of the table, or x1, x2, … of anything else."""
        return model_names(self.run)

    def encode(self, batch: Any) -> Any:
        """Codes."""
        return self.run.encode(self._examples(batch), given=self.given(len(batch), batch))

    def decode(self, batch: Any) -> Any:
        """Examples of codes."""
        return self._values(self.run.decode(code_rows(batch, self.code_names), given=self.given(len(batch), batch)))

    def reconstruct(self, batch: Any) -> Any:
        """Examples encoded and decoded."""
        return self._values(self.run.reconstruct(self._examples(batch), given=self.given(len(batch), batch)))

    def score(self, batch: Any) -> list[Any]:
        """The evidence lower bound, loss, reconstruction and KL."""
        found = self.run.terms(self._examples(batch), given=self.given(len(batch), batch))
        return [-found["reconstruction"] - found["kl"], found["loss"], found["reconstruction"], found["kl"]]

    def imputed(self, batch: Any, draws: int, seed: int) -> list[list[Any]]:
        """The columns with their missing values filled in: by what is expected, or one table for each draw."""
        values = self.model_values(batch)
        found = self.run.impute(values, given=self.given(len(values), batch), scaled=True, draws=draws, seed=seed)
        return [_as_columns(self._values(one)) for one in (found.draws if draws else [found.mean])]

    def samples(self, count: int, seed: int) -> Iterator[Any]:
        """New examples, batch by batch: of tables drawn from what the model makes of each code, of all else means."""
        from latente.evaluation import latent

        run, size = self.run, batch_size(self.run)
        codes = latent.sample_codes(run.generator, count, seed=seed)
        given = self.given(count)
        context = latent.sample_context(run.model, count, seed) if given is None else run._context(given, count)
        table = len(run.card["shape"]) == 1
        for at in range(0, count, size):
            z, c = codes[at : at + size], None if context is None else context[at : at + size]
            drawn = latent.draw(run.generator, z, c, seed=seed + at) if table else latent.decode(run.generator, z, c)
            yield self._values(drawn)

    def _examples(self, batch: Any) -> Any:
        """As they are where the run knows columns by their names, otherwise the values of a frame in order."""
        if not hasattr(batch, "columns") or self.run.card.get("features"):
            return batch
        left = [c for c in batch.columns if not _is_label(str(c), self.run)]
        if left and str(left[0]).startswith("Unnamed: "):
            left = left[1:]
        values = batch[left].to_numpy()
        fits = values.shape[1] == _size(self.run)
        return values.reshape(len(values), *self.run.card["shape"]) if fits else values

    def _values(self, model_values: NDArray[Any]) -> Any:
        """Model values in the data's own units: an array (n, *shape), or a column each where the table has texts."""
        import numpy as np

        found = self.run.unscaled(model_values)
        categories = self.run.card.get("categories", {})
        if not categories:
            return found
        columns: list[Any] = list(found.T)
        for i, name in enumerate(self.run.card["features"]):
            if name in categories:
                codes = np.clip(np.rint(columns[i]), 0, len(categories[name]) - 1).astype(int)
                columns[i] = np.array(categories[name], object)[codes]
        return columns

    def given(self, n: int, batch: Any = None) -> Any:
        """What a conditional model is given with n rows."""
        if not self.run.model.context_size:
            return None
        if self.run.spec.model.condition == "columns":
            return _given_columns(self.run, self.asked, n, batch)
        return labels_of(self.run, self.asked, n, batch)


class EstimatorRows:
    """An estimator as it works on rows: frames or arrays in, the columns of its own table out."""

    def __init__(self, estimator: Any, asked: Sequence[str]) -> None:
        self.estimator, self.run, self.asked = estimator, estimator.run_, asked
        if asked and not self.run.model.context_size:
            raise SpecError(f"--given {asked[0]}: this model is not conditioned on anything; leave it out")

    def held_out(self) -> HeldOut:
        """What the rows that an `OutlierDetector` held out are like; of others the table is not kept."""
        from latente.evaluation.held_out import HeldOut

        if not hasattr(self.estimator, "calibration_"):
            raise SpecError(
                f"this folder holds {type(self.estimator).__name__}; allowed here: OutlierDetector, or a run's folder"
            )
        return HeldOut(self.estimator.usual_, self.estimator.calibration_)

    def model_values(self, batch: Any) -> Any:
        """Rows as the model sees them, shape (n, *shape)."""
        return self.estimator._values(batch)

    @property
    def code_names(self) -> list[str]:
        """As `get_feature_names_out`."""
        if not hasattr(self.estimator, "inverse_transform"):
            raise SpecError(
                f"this folder holds {type(self.estimator).__name__}; allowed here: Autoencoder, or a run's folder; its "
                "own run stands in the folder run/ in it"
            )
        return list(map(str, self.estimator.get_feature_names_out()))

    @property
    def value_names(self) -> list[str]:
        """The columns of its table."""
        if not hasattr(self.estimator, "inverse_transform"):
            return list(map(str, self.estimator.get_feature_names_out()))
        import numpy as np

        return list(map(str, _frame(self.estimator.inverse_transform(np.zeros((1, len(self.code_names))))).columns))

    def encode(self, batch: Any) -> Any:
        """Codes."""
        return self.estimator.transform(batch, given=self.given(len(batch), batch))

    def decode(self, batch: Any) -> list[Any]:
        """Rows of codes."""
        codes = code_rows(batch, self.code_names)
        return _columns(self.estimator.inverse_transform(codes, given=self.given(len(batch), batch)))

    def reconstruct(self, batch: Any) -> list[Any]:
        """Rows encoded and decoded."""
        return _columns(self.estimator.reconstruct(batch, given=self.given(len(batch), batch)))

    def score(self, batch: Any) -> list[Any]:
        """The evidence lower bound, loss, reconstruction and KL."""
        found = self.run.terms(self.model_values(batch), given=self.given(len(batch), batch), scaled=True)
        return [-found["reconstruction"] - found["kl"], found["loss"], found["reconstruction"], found["kl"]]

    def imputed(self, batch: Any, draws: int, seed: int) -> list[list[Any]]:
        """As `RunRows.imputed`, of an `Imputer`."""
        if not hasattr(self.estimator, "imputed"):
            raise SpecError(
                f"this folder holds {type(self.estimator).__name__}; allowed here: Imputer, or the folder of a run "
                "with missing = true"
            )
        tables = self.estimator.sample(draws, batch, random_state=seed) if draws else [self.estimator.transform(batch)]
        return [_columns(table) for table in tables]

    def samples(self, count: int, seed: int) -> Iterator[Any]:
        """New rows, batch by batch."""
        size = batch_size(self.run)
        for at in range(0, count, size):
            n = min(size, count - at)
            yield _columns(self.estimator.sample(n, given=self.given(n), random_state=seed + at))

    def given(self, n: int, batch: Any = None) -> Any:
        """What a conditional model is given with n rows."""
        return labels_of(self.run, self.asked, n, batch) if self.run.model.context_size else None


def model_names(run: Run) -> list[str]:
    """The values that a model sees, by the columns of its table, or x1, x2, … of anything else."""
    return list(run.card.get("features") or (f"x{i + 1}" for i in range(_size(run))))


def _frame(rows: Any) -> Any:
    import pandas as pd

    if hasattr(rows, "to_pandas"):
        return rows.to_pandas()
    return (
        rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows, columns=[f"x{i}" for i in range(len(rows[0]))])
    )


def _columns(rows: Any) -> list[Any]:
    """The columns of a table as arrays; texts and whole numbers with missing values as objects, None where missing."""
    import numpy as np

    made = []
    for _, column in _frame(rows).items():
        if isinstance(column.dtype, np.dtype) and column.dtype.kind != "O":
            made.append(column.to_numpy())
        else:
            made.append(column.astype(object).where(column.notna(), None).to_numpy())
    return made


def code_rows(batch: Any, names: Sequence[str]) -> Any:
    """Codes in a frame: the columns of these names where it has them, otherwise all."""
    if not hasattr(batch, "columns"):
        return batch
    return batch[list(names)].to_numpy() if set(names) <= set(batch.columns) else batch.to_numpy()


def labels_of(run: Run, asked: Sequence[str], n: int, batch: Any = None) -> Any:
    """The classes that a model is conditioned on, of n rows: the one asked for, or those of a frame; else None.

    Raises:
        SpecError: several are asked for, or none is to be had.
    """
    import numpy as np

    if len(asked) > 1:
        raise SpecError(f"--given: got {len(asked)} classes; allowed: one, for every row")
    if asked:
        return np.array([asked[0]] * n, object)
    names = [c for c in getattr(batch, "columns", ()) if _is_label(str(c), run)]
    if names:
        return np.array([str(v) for v in batch[names[0]]], object)
    if run.model.is_conditional:
        raise SpecError("this model is conditioned on the class; say it with --given, or give DATA a column of labels")
    return None


def _given_columns(run: Run, asked: Sequence[str], n: int, batch: Any) -> Any:
    names = list(run.card["conditions"])
    fixed: dict[str, Any] = {}
    for setting in asked:
        name, equals, value = (part.strip() for part in setting.partition("="))
        if not equals or name not in names:
            raise SpecError(f"--given: got {setting!r}; allowed: column=value, with a column of {', '.join(names)}")
        about = run.card["conditions"][name]
        fixed[name] = common.number(value) if isinstance(about, dict) else value
    columns = getattr(batch, "columns", ())
    lacking = [name for name in names if name not in fixed and name not in columns]
    if lacking:
        raise SpecError(f"this model is conditioned on {', '.join(names)}; say --given {lacking[0]}=VALUE")
    rows = zip(*([fixed[c]] * n if c in fixed else batch[c].tolist() for c in names), strict=True)
    return run.given([list(row) for row in rows])


def _is_label(name: str, run: Run) -> bool:
    from latente.data.texttables import is_label

    labels = run.spec.data.labels
    return name == labels or (labels is None and is_label(name))


def _column(batch: Any, name: str) -> Any:
    columns = [str(c) for c in getattr(batch, "columns", ())]
    if name not in columns:
        raise DataError(f"--keep: {unknown('column', name, columns)}")
    return batch[name].to_numpy()


def _as_columns(found: Any) -> list[Any]:
    return list(found.reshape(len(found), -1).T) if hasattr(found, "reshape") else list(found)


def _size(run: Run) -> int:
    return math.prod(run.card["shape"])


@contextmanager
def output(target: str, names: Sequence[str], run: Run) -> Iterator[Callable[[Any], None]]:
    """What takes batches of rows, for a file or a sheet of images."""
    from latente.data.row_files import writing

    if not is_sheet(target):
        with writing(target, names) as write:
            yield write
        return
    images: list[Any] = []
    yield images.append
    _write_sheet(target, images, run)


def _write_sheet(target: str, batches: Sequence[Any], run: Run) -> None:
    import io

    import numpy as np
    from PIL import Image

    from latente.atomic import write_bytes
    from latente.data.images import to_bytes
    from latente.data.units import span_of
    from latente.report.figures.images import mosaic

    found = np.concatenate(list(batches)) if batches else np.empty((0, 0))
    if found.ndim not in (3, 4) or (found.ndim == 4 and found.shape[-1] not in (1, 3)):
        raise SpecError(f"-o: {target} is a sheet of images, and these rows are none; write .csv, .parquet or .npy")
    if len(found) > MOST_IMAGES:
        raise SpecError(f"-o: {target}: {len(found):,} images; allowed: at most {MOST_IMAGES:,} on a sheet")
    low, high = (
        run.unscaled(np.array(span_of(*run.card["range"]))[:, None])[:, 0] if found.dtype != np.uint8 else (0, 1)
    )
    pixels = mosaic(to_bytes(found, float(low), float(high)), math.ceil(math.sqrt(len(found))))
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    write_bytes(Path(target), out.getvalue())
