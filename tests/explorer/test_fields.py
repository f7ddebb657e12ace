"""What is known of each example, as a map is coloured by it."""

import numpy as np
from made import untrained

from latente import VAE, load_data
from latente.data.factors import draw
from latente.explorer import fields, latents
from latente.explorer.run_view import RunView


def test_a_table_has_its_columns_and_conditions_in_the_datas_own_units(tmp_path):
    rng = np.random.default_rng(0)
    a, b = rng.normal(50, 9, size=(2, 60)).round(3)
    age, sex, kind = rng.uniform(20, 80, 60).round(1), rng.integers(0, 2, 60), rng.integers(0, 3, 60)
    rows = [f"{p},{q},{r},{'fm'[s]},{'xyz'[k]}" for p, q, r, s, k in zip(a, b, age, sex, kind, strict=True)]
    (tmp_path / "t.csv").write_text("a,b,age,sex,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    data = load_data(tmp_path / "t.csv", condition=["age", "sex"], scale="minmax")
    parts = [data.part(p) for p in ("train", "validation", "test")]
    found = {field.name: field for field in fields.known(data, parts)}
    assert list(found) == ["age", "sex", "a", "b"]
    assert [found[n].key for n in found] == ["condition", "condition", "column", "column"]
    assert found["sex"].names == ("f", "m")
    # All rows, in the order of the parts.
    order = [int(np.flatnonzero(np.isclose(a, v, atol=1e-4))[0]) for v in found["a"].values]
    assert sorted(order) == list(range(60))
    np.testing.assert_allclose(found["age"].values, age[order], rtol=1e-5)
    np.testing.assert_allclose(found["b"].values, b[order], rtol=1e-6)
    assert found["sex"].written.tolist() == ["fm"[s] for s in sex[order]]
    run = untrained(data, VAE(latent_dim=2, hidden=(4,), likelihood="gaussian"))
    view = RunView(run)
    label, *_, anomaly, uncertainty = view.fields("test")
    assert label.key == "label" and label.written.tolist() == [data.classes[y] for y in data.test.y]
    values = data.values(data.test.x)
    np.testing.assert_allclose(anomaly.values, latents.scores(run.model, values), rtol=1e-5)
    log_var = latents.encode(run.model, values)[1]
    # The entropy of a normal of variance v is ½ log 2πe v.
    expected = 0.5 * np.log(2 * np.pi * np.e * np.exp(log_var.astype(float))).sum(axis=1)
    np.testing.assert_allclose(uncertainty.values, expected, rtol=1e-5)
    meta, arrays = view.parts("test")
    assert [f["name"] or f["key"] for f in meta["fields"]] == ["age", "sex", "a", "b", "anomaly", "uncertainty"]
    np.testing.assert_array_equal(arrays["field-1"], found["sex"].values[-len(data.test) :])


def test_factors_are_fields_by_their_values():
    data = load_data(draw(size=16, counts=(2, 2, 2, 3, 3)))
    shape, *others = fields.known(data, [data.validation])
    assert shape.key == "factor" and shape.names == tuple(map(str, data.known[0].values))
    np.testing.assert_array_equal(shape.values, data.validation.factors[:, 0])
    assert [f.name for f in others] == [f.name for f in data.known[1:]]
