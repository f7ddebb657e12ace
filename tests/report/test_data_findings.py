"""What is said of data from Python: sentences, numbers and pictures."""

import dataclasses

import numpy as np
import pytest

import latente
from latente.data.load import load_data
from latente.errors import DataError, SpecError


@pytest.fixture(scope="module")
def spoilt():
    """The small digits, of whose test part four are training examples, and 5% of whose labels are wrong."""
    data = load_data("digits")
    rng = np.random.default_rng(0)
    y, x = data.train.y.copy(), data.test.x.copy()
    wrong = rng.choice(len(y), len(y) // 20, replace=False)
    y[wrong] = (y[wrong] + rng.integers(1, 10, len(wrong))) % 10
    x[:4] = data.train.x[:4]
    train, test = dataclasses.replace(data.train, y=y), dataclasses.replace(data.test, x=x)
    return dataclasses.replace(data, train=train, test=test, fingerprint="spoilt")


def test_findings_have_words_numbers_and_rows(spoilt):
    found = latente.check_data(spoilt, lang="en")
    assert [c.code for c in found.found] == ["LT001", "LT004", "LT006"]
    assert found.numbers["LT001"] == {
        "exact": 4, "near": 0, "held": 648, "share": pytest.approx(4 / 648), "limit": 0.0
    }  # fmt: skip
    first, second, *_ = repr(found).splitlines()
    assert first == "digits: looked at 1,149 training, 288 validation and 360 test examples"
    assert second == (
        "LT001 warning [holds] Validation and test examples are copies of training examples. Of 648 held-out examples, "
        "4 are exact copies and 0 near copies of training examples: 0.62%, where up to 0% may be chance. → Remove the "
        "copies, or keep all copies of an example in one part, and train anew: what is measured on copies flatters "
        "every model."
    )
    rows = {row["code"]: row["rows"] for row in found.table()}
    assert [(r["first"], r["second"]) for r in rows["LT001"]] == [(("test", i), ("train", i)) for i in range(4)]
    assert len(rows["LT006"]) == found.numbers["LT006"]["count"] == len(found.check.doubts.doubts) == 49
    assert found.failing(["warning"]) == ["LT001", "LT006"] and found.failing(["LT2xx"]) == []
    assert [c.code for c in latente.check_data(spoilt, ignore=["LT001"]).found] == ["LT004", "LT006"]
    with pytest.raises(SpecError, match='unknown finding "LT9"'):
        latente.check_data(spoilt, ignore=["LT9"])


def test_pictures_are_of_copies_and_of_labels(spoilt):
    figures = latente.check_data(spoilt, lang="pt").figures()
    assert list(figures) == ["copies", "labels"]
    (axes,) = figures["copies"].axes
    assert axes.get_title(loc="left") == "Cópias" and axes.get_xticklabels()[0].get_text() == "0.0%"
    # Each doubtful label with its five neighbours.
    assert len(figures["labels"].axes) == 12
    assert len(figures["labels"].axes[0].get_xticklabels()) == 6


def test_sources_are_read_as_they_are(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n" + "\n".join(f"{i % 7},{'' if i == 3 else i * i}" for i in range(40)))
    found = latente.check_data(tmp_path / "t.csv", lang="en")
    assert [c.code for c in found.found] == ["LT013"] and found.figures() == {}
    assert found.numbers["LT013"] == {"count": 1, "names": "b (2.5%)"}
    with pytest.raises(DataError, match="no such file"):
        latente.check_data(tmp_path / "gone.csv")
