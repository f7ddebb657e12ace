"""The page in a real browser, from the server and as a file: what it shows is what Python computes.

Every test ends with the fixture's own checks: no console error, no request to anybody else.
"""

import time

import numpy as np
import pytest
from browser import HOSTILE
from PIL import Image
from seen import assert_decoded, change, code, settled, tab

from latente.explorer import latents


@pytest.mark.slow
@pytest.mark.parametrize("page", ["server", "asking", "file"], indirect=True)
def test_dragging_decodes_what_python_decodes(page, vae):
    before = code(page)
    left, top, width, height = page.box(".map")
    middle = (left + width / 2, top + height / 2)
    page.drag(middle, (middle[0] + 40, middle[1]), (middle[0] + 90, middle[1] - 70))
    first = settled(page, before)
    assert_decoded(page, vae, first)
    page.drag(middle, (middle[0] - 60, middle[1] + 30), (middle[0] - 60, middle[1] + 90))
    second = settled(page, first)
    assert_decoded(page, vae, second)
    # Left of the first and below it, on both axes by the same scale.
    assert (second < first).all()
    np.testing.assert_allclose((first - second)[0] / 150, (first - second)[1] / 160, rtol=1e-3)
    # The server's page asks it until it has the decoder itself, which on a busy machine takes a while.
    tries = 0
    while (asked := decodings_asked_by_a_drag(page, middle)) and not page.asks and tries < 20:
        tries += 1
    assert asked >= 1 if page.asks else asked == 0


def decodings_asked_by_a_drag(page, middle):
    """How many decodings a drag there and back asks of the server."""
    page.drain()
    seen = len(page.requests)
    for step in (50, -50):
        before = code(page)
        page.drag(middle, (middle[0] + step, middle[1] + step))
        settled(page, before)
    page.drain()
    return sum("/api/decode" in r for r in page.requests[seen:])


def test_a_click_chooses_the_point_there_and_shows_it(page, vae, data):
    index, before = 17, code(page)
    page.js(f"location.hash = '#example={index}'")
    page.until(f"document.getElementById('about').textContent.includes('validation {index}:')")
    mean = vae.encode(data.validation.x[index : index + 1])[0]
    found = settled(page, before)
    np.testing.assert_allclose(found, mean, atol=4e-3)
    assert_decoded(page, vae, found)
    if page.kind == "server":
        _, _, red = page.pixels("#own")
        np.testing.assert_array_equal(np.array(red).reshape(data.shape), data.validation.x[index])
    label = data.classes[data.validation.y[index]]
    assert label in page.js("document.getElementById('about').textContent")


def test_sliders_are_in_the_order_of_kl_and_move_one_latent(page, vae, data):
    mean, log_var = latents.encode(vae.model, data.values(data.validation.x))
    order = np.argsort(-latents.kl(mean, log_var), kind="stable")
    assert (
        page.js("[...document.querySelectorAll('.slider [data-latent]')].map(e => +e.dataset.latent)") == order.tolist()
    )
    before = code(page)
    page.js("document.getElementById('latent-1').focus()")
    page.key("ArrowRight", modifiers=8)
    after = settled(page, before)
    np.testing.assert_allclose(after - before, [0, 0.5], atol=1e-5)
    assert_decoded(page, vae, after)
    change(page, "latent-0", "1.25", "input")
    last = settled(page, after)
    np.testing.assert_allclose(last, [1.25, after[1]], atol=1e-5)
    assert_decoded(page, vae, last)


def test_walks_between_two_examples_are_straight_or_along_the_arc(page, vae, data):
    page.js("location.hash = '#tab=between&ends=3,8,11'")
    page.until("document.querySelectorAll('#strip-spherical button[data-z]').length === 9")
    a, b, c = (vae.encode(data.validation.x[[i]])[0].astype(np.float64) for i in (3, 8, 11))
    angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    for k, share in enumerate(np.linspace(0, 1, 9)):
        straight = code(page, f"#strip-linear button:nth-child({k + 1})")
        np.testing.assert_allclose(straight, (1 - share) * a + share * b, atol=6e-3)
        arc = (np.sin((1 - share) * angle) * a + np.sin(share * angle) * b) / np.sin(angle)
        found = code(page, f"#strip-spherical button:nth-child({k + 1})")
        np.testing.assert_allclose(found, arc, atol=2e-2)
        assert_decoded(page, vae, found, f"#strip-spherical button:nth-child({k + 1}) canvas")
    total = code(page, "#sum")
    np.testing.assert_allclose(total, a - b + c, atol=1e-2)
    assert_decoded(page, vae, total, "#sum")
    page.click("#strip-linear button:nth-child(9)")
    page.until(
        "document.getElementById('decoded').dataset.z"
        " === document.querySelector('#strip-linear button:nth-child(9)').dataset.z"
    )
    np.testing.assert_allclose(code(page), b, atol=6e-3)
    page.js("document.getElementById('play').click()")
    start = page.js("document.getElementById('decoded').dataset.z")
    page.until(f"document.getElementById('decoded').dataset.z !== '{start}'")
    page.js("document.getElementById('play').click()")


def test_a_drawing_lands_where_python_encodes_it(page, vae, data):
    tab(page, "draw")
    left, top, width, height = page.box("#pad")
    page.drag(*((left + width * x, top + height * y) for x, y in [(0.3, 0.3), (0.7, 0.3), (0.5, 0.6), (0.4, 0.8)]))
    page.until("document.getElementById('landed').dataset.z")
    time.sleep(0.5)
    _, _, seen = page.pixels("#drawn-seen")
    x = np.array(seen, np.uint8).reshape(data.shape)
    assert x.max() > 150 and (x == 0).any()
    z = code(page, "#landed")
    np.testing.assert_allclose(z, vae.encode(x[None])[0], atol=4e-3, rtol=2e-3)
    assert_decoded(page, vae, vae.encode(x[None])[0], "#drawn-rebuilt")
    # What was drawn is what the big picture shows, and beside it what it is of; on both maps.
    np.testing.assert_allclose(code(page), z, atol=1e-5)
    assert page.pixels("#own")[2] == seen
    assert page.js("document.getElementById('about').textContent").startswith("What you drew")
    page.until("[...document.querySelectorAll('.holder')].length === 2")
    nats = float(page.js("document.getElementById('score').dataset.nats"))
    assert nats == pytest.approx(float(latents.scores(vae.model, data.values(x[None]))[0]), rel=2e-3)
    page.click("#clear")
    assert page.js("document.getElementById('landed').textContent") == ""


def test_a_file_of_the_models_shape_is_taken_as_it_is(page, vae, data, tmp_path):
    Image.fromarray(data.test.x[4]).save(tmp_path / "<b>é.png")
    tab(page, "draw")
    node = page.send("DOM.getDocument")["root"]["nodeId"]
    field = page.send("DOM.querySelector", nodeId=node, selector="#file")["nodeId"]
    page.send("DOM.setFileInputFiles", nodeId=field, files=[str(tmp_path / "<b>é.png")])
    page.until("document.getElementById('landed').dataset.z")
    _, _, seen = page.pixels("#drawn-seen")
    assert np.abs(np.array(seen).reshape(data.shape) - data.test.x[4].astype(int)).max() <= 1
    np.testing.assert_allclose(code(page, "#landed"), vae.encode(data.test.x[4:5])[0], atol=2e-2)
    (tmp_path / "broken.png").write_bytes((tmp_path / "<b>é.png").read_bytes()[:60])
    page.send("DOM.setFileInputFiles", nodeId=field, files=[str(tmp_path / "broken.png")])
    page.until("!document.getElementById('notice').hidden")
    assert "image" in page.js("document.getElementById('notice').textContent")
    page.drain()
    # The browser itself notes the 422; it is what was to happen.
    page.problems[:] = [p for p in page.problems if "422" not in p]


def test_search_language_and_theme(page, data):
    page.js("document.getElementById('wanted').focus()")
    page.send("Input.insertText", text="5")
    page.key("Enter", text="\r")
    page.until("document.getElementById('about').textContent.includes('validation 5:')")
    page.until("location.hash.includes('example=5')")
    page.click("#langs button:nth-child(2)")
    page.until("document.documentElement.lang === 'pt-BR'")
    assert page.js("document.getElementById('tab-draw').textContent") == "Desenhar"
    assert "validação 5:" in page.js("document.getElementById('about').textContent")
    assert page.js("document.querySelector('.slider output').textContent").count(",") == 1
    left = page.js("[...document.querySelectorAll('[data-t]')].filter(e => !e.textContent).length")
    assert left == 0
    page.click("#themes button:nth-child(3)")
    assert page.js("getComputedStyle(document.body).backgroundColor") == "rgb(18, 20, 22)"
    page.until("location.hash.includes('theme=dark') && location.hash.includes('lang=pt')")
    page.js("document.getElementById('wanted').value = '99999'; document.getElementById('search').requestSubmit()")
    assert str(len(data.validation) - 1) in page.until("document.getElementById('notice').textContent")


def test_the_address_reopens_the_view(page, browser):
    page.js("location.hash = '#z=0.75,-1.25&tab=samples&hide=1&look=density&at=0.5,-0.25,80&map=pca'")
    page.until("document.getElementById('tab-samples').getAttribute('aria-selected') === 'true'")
    page.until("document.getElementById('decoded').dataset.z === '0.75,-1.25'")
    page.until("location.hash.includes('map=pca') && location.hash.includes('z=0.75')")
    address = page.js("location.href")
    again = browser.page()
    again.open(address)
    again.until("!!document.getElementById('decoded').dataset.z")
    assert again.js("document.getElementById('projection').value") == "pca"
    assert again.js("document.querySelector('#legend .chip:nth-child(2)').getAttribute('aria-pressed')") == "false"
    assert again.js("document.querySelector('#looks [data-value=density]').getAttribute('aria-pressed')") == "true"
    np.testing.assert_allclose(code(again), [0.75, -1.25])
    for nonsense in (
        "#z=1,NaN&tab=nothing",
        "#ends=1e9,2,3&run=77&split=zzz",
        "#at=a,b,c&axes=9,-3&%E0%A4%A",
        "#theme=<b>&z=",
    ):
        again.open(page.url + nonsense)
        again.until("!!document.getElementById('decoded').dataset.z")
        assert np.isfinite(code(again)).all()
    assert again.problems == []
    again.close()


def test_it_opens_with_images_on_the_map_and_a_typical_example(page, vae, data):
    found, y = vae.encode(data.validation.x), data.validation.y
    means = np.stack([found[y == k].mean(axis=0) for k in range(3)])
    apart = np.array([min(np.sum((means[k] - means[j]) ** 2) for j in range(3) if j != k) for k in range(3)])
    assert page.js("document.getElementById('behind').checked")
    label = page.js("document.getElementById('about').textContent").split(": ", 1)[1]
    alone = [data.classes[k] for k in range(3) if apart[k] >= apart.max() * 0.98]
    assert any(label.startswith(name) for name in alone)
    page.until("location.hash.includes('example=')")
    index = int(page.js("location.hash.match(/example=(\\d+)/)[1]"))
    members = np.flatnonzero(y == y[index])
    distance = np.sum((found[members] - means[y[index]]) ** 2, axis=1)
    assert distance[members.tolist().index(index)] <= distance.min() + 1e-2


def test_the_language_is_the_browsers_unless_one_is_asked_for(browser, vae, tmp_path):
    from latente.explorer import export_page

    page = browser.page()
    page.send("Page.addScriptToEvaluateOnNewDocument",
              source="Object.defineProperty(navigator, 'languages', {get: () => ['fr', 'pt-BR', 'en']})")  # fmt: skip
    for lang, shown in ((None, "pt-BR"), ("en", "en")):
        page.open(export_page([vae], tmp_path / "page.html", lang=lang).as_uri())
        assert page.js("document.documentElement.lang") == shown
    page.close()


def test_labels_are_text_and_nothing_else(page):
    names = page.js("[...document.querySelectorAll('#legend .chip')].map(e => e.textContent)")
    assert names == sorted(HOSTILE)
    assert page.js("document.images.length + document.querySelectorAll('b[onclick], img').length") == 0
    assert "odd <b>data</b>" in page.js("document.getElementById('facts').textContent")
    tab(page, "samples")
    page.until("!!document.querySelector('#samples button[data-z]')")
    page.click("#samples button")
    page.until("!!document.querySelector('#near figcaption')")
    assert page.js("document.querySelectorAll('#near canvas').length") == 6


@pytest.mark.parametrize("page", ["server", "asking", "file"], indirect=True)
def test_samples_depend_on_seed_and_temperature(page, vae):
    tab(page, "samples")
    page.until("document.querySelectorAll('#samples button[data-z]').length === 24")

    def drawn():
        time.sleep(0.3)
        return np.array(
            page.js("[...document.querySelectorAll('#samples button')].map(b => b.dataset.z.split(',').map(Number))")
        )

    first = drawn()
    assert_decoded(page, vae, first[7], "#samples button:nth-child(8) canvas")
    assert abs(first.mean()) < 0.6 and 0.6 < first.std() < 1.4
    page.click("#resample")
    second = drawn()
    assert not np.allclose(first, second)
    change(page, "seed", "0", "input")
    np.testing.assert_array_equal(drawn(), first)
    change(page, "temperature", "0.5", "input")
    np.testing.assert_allclose(drawn(), 0.5 * first, atol=1e-6)
    kept = page.js("document.querySelector('#samples button').dataset.z")
    change(page, "prior", "fitted", "change")
    page.until(f"document.querySelector('#samples button').dataset.z !== '{kept}'")
    change(page, "temperature", "0", "input")
    page.until("Number(document.getElementById('temperature').value) === 0")
    # Without noise a mixture gives its components' means, and there are fewer of them than samples.
    assert len({tuple(z) for z in drawn()}) <= latents.COMPONENTS
