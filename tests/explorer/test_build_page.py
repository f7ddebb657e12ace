"""The page put together: its words, scripts and styles."""

import re
import string

from latente.explorer.build_page import SCRIPTS, STYLES, build, words


def test_labels_cannot_leave_the_page(ask):
    text = ask("GET", "/")[2].decode()
    assert text.count("<script") == 3 and "onerror" not in text and "innerHTML" not in text
    assert len(SCRIPTS) == len(set(SCRIPTS))


def test_both_languages_have_the_same_words_and_every_word_that_is_used():
    en, pt = words("en"), words("pt")
    assert list(en) == list(pt)
    for key in en:
        fields = [{f for _, f, _, _ in string.Formatter().parse(w[key]) if f} for w in (en, pt)]
        assert fields[0] == fields[1], key
    from importlib.resources import files

    source = "".join(
        files("latente.explorer").joinpath("page", name).read_text(encoding="utf-8")
        for name in [*(f"{s}.js" for s in SCRIPTS), "index.html"]
    )
    used = set(re.findall(r'(?:\bt\(|\bt: |label: |data-t="|data-t-label="|label=")"?([a-z]+\.[a-z_]+)"', source))
    assert used and used <= set(en), used - set(en)


def test_scripts_and_styles_are_all_put_in():
    from importlib.resources import files

    found = {f.name for f in files("latente.explorer").joinpath("page").iterdir()}
    assert found == {f"{s}.js" for s in SCRIPTS} | {f"{s}.css" for s in STYLES} | {"index.html"}


def test_nothing_filled_in_is_taken_for_a_mark_or_ends_an_element():
    page = build({"name": "{{script}}</script><script>alert(1)"}, None)
    assert "alert(1)" in page.html and "</script><script>alert" not in page.html
    assert page.html.count("start();\n})();") == 1
