"""What is kept of a report for a later one, and that what is not one is refused."""

import dataclasses
import json

import pytest

from latente.errors import StoreError
from latente.evaluation import manifest
from latente.report.figures.figure_file import FigureFile
from latente.report.kept import as_table, read_kept, with_kept

SVG = FigureFile(
    "a.svg", "image/svg+xml", b"<svg/>", (3, 4), "A caption", "An alt", "training", True, finding="F", is_chart=True
)
SWEEP = dataclasses.replace(SVG, file="s.svg", group="sizes", caption="S")
CONCLUDED = {"findings": [{"id": "x"}], "notes": [["note.seeds", {"seeds": 2}]], "baselines": []}


def written(folder, table=None, figures=(SVG, SWEEP)):
    kept = as_table(CONCLUDED, True, figures)
    (folder / "figures").mkdir()
    manifest.write(folder, {"report.json": json.dumps(table or kept).encode()})
    for figure in figures:
        manifest.write(folder, {f"figures/{figure.file}": figure.content})
    return kept


def test_it_comes_back_as_it_was(tmp_path):
    written(tmp_path)
    kept = read_kept(tmp_path)
    assert kept.concluded == CONCLUDED and kept.grey and kept.figures == (SVG, SWEEP)


def test_an_older_study_keeps_nothing(tmp_path):
    manifest.write(tmp_path, {"findings.json": b"{}"})
    assert read_kept(tmp_path) is None


@pytest.mark.parametrize(
    "change",
    [{"file": "../../secret.png"}, {"file": "a.html"}, {"group": "nowhere"}, {"size": [3]}, {"file": "gone.svg"},
     {"moves": True}],
)  # fmt: skip
def test_what_is_no_figure_is_refused(tmp_path, change):
    table = as_table(CONCLUDED, True, [SVG])
    table["figures"][0] |= change
    written(tmp_path, table)
    with pytest.raises(StoreError):
        read_kept(tmp_path)


def test_a_changed_figure_is_refused(tmp_path):
    written(tmp_path)
    (tmp_path / "figures" / "a.svg").write_bytes(b"<svg onload='x'/>")
    with pytest.raises(StoreError, match=r"a\.svg: is not what was written"):
        read_kept(tmp_path)


def test_new_figures_stand_where_the_old_ones_stood():
    new = dataclasses.replace(SVG, caption="new")
    extra = dataclasses.replace(SVG, file="b.svg")
    every, earlier = with_kept([extra, new], [SVG, SWEEP])
    assert every == [new, extra, SWEEP] and earlier == [SWEEP]
