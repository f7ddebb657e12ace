"""What stands beside a study's models: the training mean, principal components, a model of each value by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from latente.evaluation.evaluate import Metric
from latente.language.words import Words
from latente.report.tables.names import part_name
from latente.report.tables.table import MISSING, Cell, Column, Table, count, nats, text_cell


def baselines(rows: Sequence[Mapping[str, Any]], words: Words) -> Table | None:
    """The baselines of ``findings.json`` on the test part; None without one."""
    if not rows:
        return None

    def row(found: Mapping[str, Any]) -> tuple[Cell, ...]:
        kind, metric = found["baseline"], Metric(found["value"], found["standard_error"])
        likelihood = part_name("likelihood", found["likelihood"], words) if kind == "marginal" else ""
        name = text_cell(words(f"report.baseline.{kind}", likelihood=likelihood))
        latents = count(words, found["latents"]) if kind == "pca" else Cell(MISSING)
        cells = (nats(words, None), nats(words, metric)) if kind == "marginal" else (nats(words, metric, ".5f"),
                                                                                    nats(words, None))  # fmt: skip
        return (name, latents, *cells)

    titles = ("name", "components", "mse", "nll")
    columns = tuple(
        Column(words(f"report.baseline.column.{t}"), numeric=t != "name", error=t in ("mse", "nll")) for t in titles
    )
    notes = (words("report.baseline.note"),)
    return Table("baselines", words("report.baseline.caption"), columns, tuple(map(row, rows)), notes)
