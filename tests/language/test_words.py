"""Numbers in sentences: true minus signs, and the decimal mark of the language."""

from importlib.resources import files
from string import Formatter

import pytest

from latente.data.datasets import catalogue
from latente.language import words
from latente.language.words import Words


def test_numbers_have_true_minus_signs_and_the_marks_of_the_language():
    en, pt = Words("en"), Words("pt")
    assert en.number(-1234.5, "+,.1f") == "−1,234.5"
    assert pt.number(-1234.5, "+,.1f") == "−1.234,5"
    assert pt.number(12, ",d") == "12"
    # What is no number stays as it is: names have hyphens and points.
    assert en.format_field("latent-2", "") == pt.format_field("latent-2", "") == "latent-2"
    assert pt.format_field("v0.1", "") == "v0.1"


def test_every_word_is_in_both_languages_with_the_same_fields():
    english, portuguese = (
        {k: {field for _, field, _, _ in Formatter().parse(text) if field} for k, text in Words(w).templates.items()}
        for w in ("en", "pt")
    )
    # English descriptions of data sets are those of the data sets themselves.
    assert english == {k: v for k, v in portuguese.items() if not k.startswith("dataset.")}
    assert {k.removeprefix("dataset.") for k in portuguese if k.startswith("dataset.")} == {
        row["name"] for row in catalogue()
    }
    assert len(english) > 900 and {"and", "note.labels", "rule.tight.text", "explorer.page.skip"} <= english.keys()


def test_words_that_stand_twice_are_refused(tmp_path, monkeypatch):
    (tmp_path / "room").mkdir()
    (tmp_path / "shipped").mkdir()
    (tmp_path / "one.toml").write_text('[a]\nb.en = "x"\nb.pt = "y"\nc = "z"\n')
    (tmp_path / "shipped" / "study.toml").write_text('a.b = "no word"\n')
    monkeypatch.setattr(words, "files", lambda package: tmp_path)
    read = words._templates.__wrapped__
    assert read() == {"en": {"a.b": "x", "a.c": "z"}, "pt": {"a.b": "y", "a.c": "z"}}
    (tmp_path / "room" / "two.toml").write_text('a.b.pt = "y"\n')
    with pytest.raises(ValueError, match=r"'a\.b' has words already"):
        read()


def test_no_study_and_no_error_is_taken_for_a_word():
    assert not any(k.startswith(("runs.", "sentence")) for k in Words("en").templates)
    assert files("latente.language").joinpath("common.toml").is_file()


def test_lists_are_joined_in_words():
    assert Words("en").joined(["a", "b", "c"]) == "a, b and c" and Words("pt").joined(["a", "b"]) == "a e b"
