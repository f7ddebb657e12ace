"""What the commands share that work on rows of data with a finished run: reading, batches, conditions, writing."""

from __future__ import annotations

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

    from latente.evaluation.run import Run

BATCH = 4096
"""Rows in memory at a time; fewer where they are large (`VALUES`)."""
VALUES = 2**23
"""Values in memory at a time."""
MOST_IMAGES = 1024
"""Of a sheet."""

Work = Callable[["Run", Any, Any], Any]
"""Takes a run, a batch of examples or codes, and what a conditional model is given with them."""


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


def opened(arguments: Arguments) -> Run:
    """The run, once it is known that the output may be written."""
    from latente.data.row_files import check_target
    from latente.evaluation.run import load

    target = arguments.output
    if is_sheet(target):
        if Path(target).exists():
            raise StoreError(f"-o: {target} exists, and nothing is overwritten; give another name, or remove it")
    else:
        check_target(target)
    compiling.prepare()
    return load(arguments.folder)


def is_sheet(target: str) -> bool:
    """Whether the output is a sheet of images."""
    return Path(target).suffix.lower() == ".png"


def on_rows(arguments: Arguments, run: Run, names: Sequence[str], work: Work, *, codes: bool = False) -> None:
    """Read DATA batch by batch, and write what ``work`` makes of each.

    Args:
        arguments: of the command.
        run: the model.
        names: of the columns that ``work`` gives.
        work: gives an array (n, ...), or a column each.
        codes: DATA holds codes and not examples.
    """
    from latente.cli.progress import counting
    from latente.data.row_input import reading

    source, done = arguments.data_file, 0
    label = str(arguments.parser.prog.split()[-1])
    with (
        reading(source, batch_size(run), run.spec.data) as rows,
        output(arguments.output, [*arguments.keep, *names], run) as write,
        counting() as count,
    ):
        for batch in rows.batches:
            n = len(batch)
            kept = [_column(batch, name) for name in arguments.keep]
            given = given_of(run, arguments.given, n, batch)
            found = work(run, code_rows(batch, run) if codes else example_rows(batch, run), given)
            write([*kept, *_as_columns(found)] if kept else found)
            done += n
            count(label, done, rows.total or done)
        if not done:
            raise DataError(f"{source}: has no rows; at least one is needed")


def batch_size(run: Run) -> int:
    """How many rows are worked on at a time."""
    return max(1, min(BATCH, VALUES // max(_size(run), run.model.code_size)))


def example_rows(batch: Any, run: Run) -> Any:
    """A frame's examples: as it is where the run knows its columns by their names, otherwise its values in order."""
    if not hasattr(batch, "columns") or run.card.get("features"):
        return batch
    from latente.data.texttables import is_label

    labels = run.spec.data.labels
    left = [c for c in batch.columns if not (c == labels or (labels is None and is_label(str(c))))]
    if left and str(left[0]).startswith("Unnamed: "):
        left = left[1:]
    values = batch[left].to_numpy()
    return values.reshape(len(values), *run.card["shape"]) if values.shape[1] == _size(run) else values


def code_rows(batch: Any, run: Run) -> Any:
    """Codes in a frame: the columns z1, z2, … where it has them, otherwise all."""
    if not hasattr(batch, "columns"):
        return batch
    names = code_names(run)
    return batch[names].to_numpy() if set(names) <= set(batch.columns) else batch.to_numpy()


def code_names(run: Run) -> list[str]:
    """z1, z2, …: the columns of codes."""
    return [f"z{i + 1}" for i in range(run.model.code_size)]


def value_names(run: Run) -> list[str]:
    """The columns of examples: those of the table, or x1, x2, … of anything else."""
    return list(run.card.get("features") or (f"x{i + 1}" for i in range(_size(run))))


def values_of(run: Run, model_values: NDArray[Any]) -> Any:
    """Model values in the data's own units: an array (n, *shape), or a column each where the table has texts."""
    import numpy as np

    found = run.unscaled(model_values)
    texts = run.card.get("categories", {})
    if not texts:
        return found
    columns: list[Any] = list(found.T)
    for i, name in enumerate(run.card["features"]):
        if name in texts:
            codes = np.clip(np.rint(columns[i]), 0, len(texts[name]) - 1).astype(int)
            columns[i] = np.array(texts[name], object)[codes]
    return columns


def given_of(run: Run, asked: Sequence[str], n: int, batch: Any = None) -> Any:
    """What a conditional model is given with n rows: what was asked for, or the columns of a frame; else None.

    Raises:
        SpecError: it is asked for of another model, or not as it can be. DataError: a class or value that there is not.
    """
    kind = run.spec.model.condition
    if not run.model.context_size:
        if asked:
            raise SpecError(f"--given {asked[0]}: this model is not conditioned on anything; leave it out")
        return None
    if kind == "columns":
        return _given_columns(run, asked, n, batch)
    if len(asked) > 1:
        raise SpecError(f"--given: got {len(asked)} classes; allowed: one, for every row")
    if asked:
        return _text_array(n, asked[0])
    names = [c for c in getattr(batch, "columns", ()) if _is_label(str(c), run)]
    if names:
        return _text_array(n, [str(v) for v in batch[names[0]]])
    if run.model.is_conditional:
        raise SpecError("this model is conditioned on the class; say it with --given, or give DATA a column of labels")
    return None


def _text_array(n: int, value: Any) -> Any:
    """An array of n texts."""
    import numpy as np

    return np.array([value] * n if isinstance(value, str) else value, object)


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
    if name not in getattr(batch, "columns", ()):
        raise DataError(f"--keep: {unknown('column', name, [str(c) for c in getattr(batch, 'columns', ())])}")
    return batch[name].to_numpy()


def _as_columns(found: Any) -> list[Any]:
    return list(found.reshape(len(found), -1).T) if hasattr(found, "reshape") else list(found)


def _size(run: Run) -> int:
    import math

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
    import math

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
