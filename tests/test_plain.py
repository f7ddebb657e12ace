"""Text of others as plain text, and the nearest name."""

import pytest

from latente.errors import DataError, StoreError, nearest
from latente.plain import REPLACED, as_html, as_text, csv_text, one_line, portable, visible


def test_control_characters_are_written_as_escapes():
    assert visible("a\x1b[31m\x07b\n\tc") == "a\\x1b[31m\\x07b\n\tc"
    assert visible("\x9b2J \u202eabc\u2066 \udcff é ± 数") == "\\x9b2J \\u202eabc\\u2066 \\udcff é ± 数"
    assert one_line("a\r\n b\x1b") == "a b\\x1b"
    assert str(DataError("f\x1b[31m.csv:\nbad")) == "f\\x1b[31m.csv: bad" == str(StoreError("f\x1b[31m.csv:\nbad"))


def test_what_looks_like_a_formula_is_marked_as_text():
    texts = ("=cmd|x", "+1", "-1", "@a", "\tx")
    assert csv_text(texts, [("\r", None)]) == ",".join(f"'{text}" for text in texts) + "\n'\r,\n"
    assert csv_text(("a=b", "'x"), [(-1.5, 3)]) == "a=b,'x\n-1.5,3\n"


def test_what_an_encoding_does_not_have_is_replaced():
    assert "−1.5 × 2 ± ½ β ção 数".encode("ascii", REPLACED) == b"-1.5 x 2 +/- 12 beta cao ?"
    assert "−1 × 2 ± é 数".encode("cp1252", REPLACED) == "-1 × 2 ± é ?".encode("cp1252")


def test_a_command_without_this_machines_folders():
    told = "latente run --data '/home/an a/x y.npz' --out=/tmp/o --set data.source=/a/b.csv --lang pt"
    assert portable(told) == "latente run --data 'x y.npz' --out=o --set data.source=b.csv --lang pt"
    assert portable("latente run 'a b.toml' --data /") == "latente run 'a b.toml' --data /"


def test_a_summary_as_text_and_as_html():
    rows = [("name", "<b>\x1b"), ("much", "x" * 200)]
    assert as_text("run", rows).splitlines() == ["run", "  name  <b>\\x1b", "  much  " + "x" * 99 + "…"]
    assert "&lt;b&gt;\\x1b" in as_html("<run>", rows) and "<strong>&lt;run&gt;</strong>" in as_html("<run>", rows)


@pytest.mark.parametrize(
    ("got", "expected"),
    [("vea", "VAE"), ("VEA", "VAE"), ("beta-vae", "BetaVAE"), ("iwea", "iwae"), ("IWEA", "IWAE"), ("ea", "AE"),
     ("cosine", "warmup-cosine"), ("xyzzy", None), ("", None)],
)  # fmt: skip
def test_the_nearest_name(got, expected):
    assert nearest(got, ["AE", "VAE", "VQVAE", "BetaVAE", "iwae", "IWAE", "warmup-cosine", "constant"]) == expected
