"""Models of other kinds on the page, as a file and from the server: conditional ones, and codes of entries of books."""

import json

import numpy as np
import pytest
from exported import made
from seen import code, settled

from latente.evaluation import latent
from latente.evaluation.codes import book_of
from latente.explorer import export_page, latents
from latente.explorer.run_view import RunView


@pytest.fixture(scope="module")
def conditional():
    return made({"condition": "labels", "network": "conv", "latent_dim": 2}, (9, 8))[0]


@pytest.fixture(scope="module")
def quantised():
    return made({"posterior": {"name": "rvq", "codes": 6, "width": 2}, "prior": "uniform-codes", "objective": "vq"})[0]


def opened(browser, where):
    page = browser.page()
    page.open(where)
    page.until("!!document.getElementById('decoded').dataset.z", seconds=40)
    return page


def shows(page, run, z, context=None, selector="#decoded"):
    """The canvas is what Python decodes, within one step of 255 a pixel and its rounding."""
    width, height, red = page.pixels(selector)
    mean = latent.decode(run.model, np.float32(z)[None], None if context is None else np.float32(context)[None])[0]
    assert np.abs(np.reshape(red, (height, width)) - 255 * np.clip(mean, 0, 1)).max() <= 1.5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "server"])
def test_the_label_that_is_chosen_is_what_the_decoder_is_given(browser, conditional, tmp_path, kind, request):
    if kind == "file":
        where = export_page([conditional], tmp_path / "page.html", lang="en").as_uri()
    else:
        request.getfixturevalue("server_extra")
        from latente.explorer import serve

        server = serve(conditional, port=0, lang="en")
        request.addfinalizer(server.stop)
        where = server.url
    page = opened(browser, where)
    page.js("location.hash = '#example=4&tab=between'")
    page.until("document.getElementById('about').textContent.includes('validation 4')")
    label = int(conditional.data.validation.y[4])
    page.until(f"document.getElementById('given-0').value === '{label}'")
    z = latent.encode(
        conditional.model,
        conditional.data.values(conditional.data.validation.x[4:5]),
        np.eye(3, dtype=np.float32)[[label]],
    )[0]
    page.until(f"Math.abs(document.getElementById('decoded').dataset.z.split(',')[0] - {z[0]}) < 1e-2")
    np.testing.assert_allclose(code(page), z, atol=5e-3)
    seen = []
    for other in range(3):
        page.js(
            f"(() => {{ const e = document.getElementById('given-0'); e.value = '{other}';"
            "e.dispatchEvent(new Event('change')); })()"
        )
        page.until(f"location.hash.includes('given={'%2C'.join(str(int(k == other)) for k in range(3))}')")
        page.until(f"document.getElementById('decoded').dataset.given.split(',')[{other}] === '1'")
        shows(page, conditional, code(page), np.eye(3)[other])
        seen.append(page.pixels("#decoded")[2])
    assert seen[0] != seen[1] != seen[2]
    page.drain()
    assert page.problems == []
    page.close()


@pytest.mark.slow
def test_an_entry_of_a_quantised_code_can_be_changed(browser, quantised, tmp_path):
    page = opened(browser, export_page([quantised], tmp_path / "page.html", lang="en").as_uri())
    page.js("location.hash = '#example=3'")
    page.until("document.getElementById('about').textContent.includes('validation 3')")
    page.until("document.querySelectorAll('#tokens button').length === 6")
    model, data = quantised.model, quantised.data
    mean = latent.encode(model, data.values(data.validation.x[3:4]))
    tokens = latents.tokens(model, data.values(data.validation.x[3:4]))[0]
    shown = "[...document.querySelectorAll('#tokens button')].map((b) => +b.textContent)"
    page.until(f"JSON.stringify({shown}) === '{json.dumps(tokens.tolist(), separators=(',', ':'))}'")
    # The codes of a file are made of the tokens, without rounding.
    page.until(f"Math.abs(document.getElementById('decoded').dataset.z.split(',')[2] - {mean[0, 2]}) < 1e-5")
    np.testing.assert_allclose(code(page), mean[0], atol=1e-6)
    before = code(page)
    page.click("#tokens button:nth-child(4)")
    page.js("(() => { const e = document.getElementById('token'); e.value = "
            f"{(tokens[3] + 1) % 6}; e.dispatchEvent(new Event('change')); }})()")  # fmt: skip
    after = settled(page, before)
    changed = tokens.copy()
    changed[3] = (tokens[3] + 1) % 6
    expected = np.asarray(model.posterior.lookup(changed.astype(np.int32)))
    np.testing.assert_allclose(after, expected, atol=1e-6)
    shows(page, quantised, expected)
    page.until("!!document.querySelector('#offers button')")
    offered = page.js("[...document.querySelectorAll('#offers button')].map((b) => +b.dataset.token)")
    there = latents.tokens(model, data.values(data.validation.x))[:, 3]
    counts = np.bincount(there, minlength=6)
    assert offered == [int(k) for k in np.argsort(-counts, kind="stable") if counts[k]]
    page.drain()
    assert page.problems == []
    page.close()


def test_books_give_the_codes_of_their_tokens():
    for options in (
        {"posterior": {"name": "fsq", "levels": (4, 3)}, "prior": "uniform-codes", "objective": "vq"},
        {"posterior": {"name": "rvq", "codes": 5, "width": 3}, "prior": "uniform-codes", "objective": "vq"},
        {"posterior": {"name": "vq", "codes": 7, "width": 2}, "prior": "uniform-codes", "objective": "vq"},
        {"posterior": {"name": "gumbel-softmax", "classes": 4}, "prior": {"name": "uniform-categorical", "classes": 4}},
    ):
        run = made(options)[0]
        meta, arrays = RunView(run).parts("validation")
        book, tokens = arrays["book"], arrays["tokens"].astype(int)
        levels, width = len(book), book.shape[2]
        vectors = book[np.arange(levels), tokens.reshape(meta["n"], -1, levels)]
        made_of = vectors.sum(axis=2).reshape(meta["n"], -1)
        assert made_of.shape[1] == tokens.shape[1] // levels * width
        np.testing.assert_allclose(made_of, arrays["codes"], atol=1e-6)
    assert book_of(made({})[0].model) is None


def test_what_is_given_is_described_field_after_field(conditional, tmp_path):
    from latente import load_data

    assert RunView(conditional).given == [{"name": None, "choices": ["0", "1", "2"]}]
    rng = np.random.default_rng(0)
    sexes = np.array(["f", "m"])[rng.integers(0, 2, 60)]
    columns = zip(*rng.normal(size=(2, 60)), rng.uniform(20, 80, 60), sexes, strict=True)
    rows = [f"{a:.3f},{b:.3f},{c:.1f},{s}" for a, b, c, s in columns]
    (tmp_path / "t.csv").write_text("a,b,age,sex\n" + "\n".join(rows) + "\n", encoding="utf-8")
    from made import untrained

    from latente import VAE

    data = load_data(tmp_path / "t.csv", condition=["age", "sex"], labels=False)
    run = untrained(data, VAE(latent_dim=2, hidden=(4,), likelihood="gaussian", condition="columns"))
    age, sex = RunView(run).given
    assert sex == {"name": "sex", "choices": ["f", "m"]} and age["name"] == "age"
    assert 20 <= age["range"][0] < age["range"][1] <= 80 and age["range"][0] < age["mean"] < age["range"][1]
    meta, arrays = RunView(run).parts("test")
    np.testing.assert_array_equal(arrays["context"], data.test.context)
    assert meta["context"] == 3


@pytest.mark.slow
def test_a_tables_columns_are_shown_by_name_and_in_their_own_units(browser, tmp_path):
    from made import untrained

    from latente import VAE, load_data

    rng = np.random.default_rng(1)
    x = np.column_stack([rng.normal(50, 9, 60), rng.normal(0.2, 0.05, 60)]).round(3)
    (tmp_path / "t.csv").write_text("weight,<b>odd\n" + "\n".join(f"{a},{b}" for a, b in x) + "\n", encoding="utf-8")
    data = load_data(tmp_path / "t.csv", scale="minmax", labels=False)
    run = untrained(data, VAE(latent_dim=2, hidden=(4,), likelihood="gaussian"))
    page = opened(browser, export_page([run], tmp_path / "page.html", lang="en").as_uri())
    page.js("location.hash = '#example=3&z='")
    page.until("document.getElementById('about').textContent.includes('validation 3')")
    page.until("(document.getElementById('decoded').dataset.values || '').includes('weight')")
    code_of = latent.encode(run.model, data.values(data.validation.x[3:4]))
    page.until(f"Math.abs(document.getElementById('decoded').dataset.z.split(',')[0] - {code_of[0, 0]}) < 1e-2")
    decoded = (latent.decode(run.model, code_of)[0] - data.offset) / data.multiplier
    said = dict(
        part.rsplit(": ", 1) for part in page.js("document.getElementById('decoded').dataset.values").split("; ")
    )
    assert list(said) == ["weight", "<b>odd"]
    found = [float(v.replace("−", "-").replace(",", "")) for v in said.values()]
    # Half precision, of numbers that were divided by their range.
    np.testing.assert_allclose(found, decoded, atol=4e-3 * np.ptp(x[:, 0]))
    assert abs(found[1] - decoded[1]) < 4e-3
    # The example's own row is in the file too.
    assert "Grey, and as marks" in page.js("document.getElementById('about').textContent")
    page.drain()
    assert page.problems == []
    page.close()
