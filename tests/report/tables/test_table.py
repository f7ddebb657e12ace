"""Tables on terminals of every width and encoding, and text of others that is no markup."""

import io
import sys

import pytest

from latente.cli.main import main
from latente.report.tables.table import Cell, Column, Table, text_cell


def test_a_table_is_as_wide_as_the_terminal_and_folds_where_it_is_too_narrow(monkeypatch):
    columns = Column("run", numeric=False, unbroken=True), Column("loss")
    rows = (text_cell("vae[/b]"), Cell("139.21", "0.31")), (text_cell("\x1b[31mae"), text_cell(1))
    monkeypatch.setenv("COLUMNS", "40")
    assert Table("", "", columns, rows).terminal(rule=False).splitlines() == [
        "run                  loss",
        "vae[/b]     139.21 ± 0.31",
        "\\x1b[31mae              1",
    ]
    monkeypatch.setenv("COLUMNS", "20")
    columns = tuple(Column(title, unbroken=True) for title in ("run", "loss", "seconds"))
    row = text_cell("vae"), Cell("139.21", "0.31"), text_cell(12.5)
    assert Table("", "Of three words", columns, (row,), ("and a note",)).terminal().splitlines() == [
        "Of three words",
        "run: vae",
        "  loss: 139.21 ±",
        "    0.31",
        "  seconds: 12.5",
        "and a note",
    ]


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_nothing_is_cut_at_any_width(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["models"]) == 0
    *lines, _ = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= int(columns)
    words = " ".join(lines).split()
    assert {"BetaTCVAE", "discretised-logistic-mixture", "zero-inflated-negative-binomial"} <= set(words)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_what_a_terminal_cannot_write_is_replaced(monkeypatch, encoding):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    assert main(["models", "iwae"]) == 0 and main(["data", "list"]) == 0
    sys.stdout.flush()
    text = raw.getvalue().decode(encoding)
    times = {"utf-8": "28×28", "cp1252": "28×28", "ascii": "28x28"}[encoding]
    assert times in text and "gaussian: with prior standard-normal" in text
