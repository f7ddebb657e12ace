"""The first rows of a table of data."""

from dataclasses import replace

import numpy as np

from latente.data.source import DataColumn, make_source
from latente.data.split import split_source
from latente.language.words import Words
from latente.report.tables.examples import examples


def test_rows_are_as_their_reader_knows_them():
    x = np.column_stack([np.arange(40) / 8, np.arange(40) % 2, *np.ones((11, 40))]).astype(np.float32)
    x[0, 2] = np.nan
    columns = (DataColumn("size"), DataColumn("kind", ("round", "square")), *(DataColumn(f"c{i}") for i in range(11)))
    source = make_source("shapes", x, np.arange(40) % 2, missing=True)
    data = replace(split_source(source, missing="keep"), features=columns)
    table = examples(data, Words("pt"))
    assert [c.title for c in table.columns] == ["Exemplo", "size", "kind", *(f"c{i}" for i in range(8)), "Classe"]
    first = data.train.x[0]
    assert table.rows[0][1].text == f"{float(first[0]):.4g}".replace(".", ",")
    assert table.rows[0][2].text == ("round", "square")[int(first[1])] and len(table.rows) == 6
    assert table.notes == ("Outras 3 colunas não são mostradas.",)
