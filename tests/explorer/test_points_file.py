"""The points as files for other tools."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from latente.errors import SpecError, StoreError
from latente.explorer import latents
from latente.explorer.launch import export_points, open_explorer


def test_parquet_has_places_fields_codes_images_and_neighbours(wide, data, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is an optional extra")
    said = []
    path = open_explorer(wide, export=tmp_path / "p.parquet", split="test", say=said.append)
    assert "p.parquet written" in said[0]
    table = parquet.read_table(path)
    codes = wide.encode(data.test.x)
    assert table.num_rows == len(data.test)
    found = {name: table[name].to_pylist() for name in table.column_names}
    assert found["split"] == ["test"] * len(codes) and found["index"] == list(range(len(codes)))
    assert found["label"] == [data.classes[y] for y in data.test.y]
    np.testing.assert_allclose(np.column_stack([found[f"z{j}"] for j in range(1, 5)]), codes, atol=1e-5)
    np.testing.assert_allclose(found["anomaly"], latents.scores(wide.model, data.values(data.test.x)), rtol=1e-4)
    # x and y are the principal components: without correlation, the first the longer, and as far apart as can be.
    place = np.column_stack([found["x"], found["y"]])
    covariance = np.cov(place.T)
    assert abs(covariance[0, 1]) < 1e-3 * covariance[0, 0] and covariance[0, 0] >= covariance[1, 1]
    np.testing.assert_allclose(np.sort(np.linalg.eigvalsh(np.cov(codes.T)))[::-1][:2], np.diag(covariance), rtol=1e-3)
    with Image.open(io.BytesIO(found["image"][3]["bytes"])) as image:
        np.testing.assert_array_equal(np.asarray(image), data.test.x[3])
    apart = np.linalg.norm(codes[:, None] - codes, axis=2)
    np.fill_diagonal(apart, np.inf)
    for i in (0, 7):
        np.testing.assert_allclose(found["neighbors"][i]["distances"], np.sort(apart[i])[:15], rtol=1e-3)
        np.testing.assert_allclose(apart[i][found["neighbors"][i]["ids"]], np.sort(apart[i])[:15], rtol=1e-3)
    # Its own file is replaced, another one is not.
    open_explorer(wide, export=path, split="test", say=said.append)
    parquet.write_table(table.select(["x"]).replace_schema_metadata(None), path)
    with pytest.raises(StoreError, match="exists and is no table"):
        open_explorer(wide, export=path, split="test")


def test_tsv_is_the_projectors_pair(vae, data, tmp_path):
    vectors, metadata = export_points([vae], tmp_path / "p.tsv", split="all")
    assert metadata.name == "p.metadata.tsv"
    codes = np.loadtxt(vectors, delimiter="\t")
    x = np.concatenate([data.part(p).x for p in ("train", "validation", "test")])
    np.testing.assert_allclose(codes, vae.encode(x), atol=1e-5)
    rows = list(csv.reader(metadata.read_text(encoding="utf-8").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert rows[0] == ["split", "index", "label", "anomaly", "uncertainty"] and len(rows) == len(codes) + 1
    y = np.concatenate([data.part(p).y for p in ("train", "validation", "test")])
    assert [r[2] for r in rows[1:]] == [data.classes[k] for k in y]
    assert {r[0] for r in rows[1:]} == {"train", "validation", "test"}
    export_points([vae], tmp_path / "p.tsv", split="all")
    (tmp_path / "p.metadata.tsv").write_text("mine\n")
    with pytest.raises(StoreError, match="exists and is no table"):
        export_points([vae], tmp_path / "p.tsv")


def test_what_cannot_be_written_is_refused(vae, wide, tmp_path, monkeypatch):
    with pytest.raises(SpecError, match="got 2 runs; allowed: one"):
        export_points([vae, wide], tmp_path / "p.tsv")
    with pytest.raises(SpecError, match=r"got p.xlsx; allowed: a name that ends in .parquet or .tsv"):
        export_points([vae], tmp_path / "p.xlsx")
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SpecError, match=r"writing Parquet needs pyarrow; pip install 'latente\[parquet\]'"):
        export_points([vae], tmp_path / "p.parquet")
