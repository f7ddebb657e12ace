// Codes that are made of entries of books (vector-quantised, categorical): a grid of which, to be edited.

/** A scene's books, or null where codes are no entries of any: {levels, entries, width, books}. */
function booksOf(scene) {
  const { book } = scene.arrays;
  if (!book) return null;
  const [levels, entries, width] = book.shape, size = entries * width;
  return { levels, entries, width, books: Array.from({ length: levels }, (_, l) => book.data.subarray(l * size, (l + 1) * size)) };
}

/** The code that is made of these tokens, latent after latent, the entries of its levels side by side. */
function codeOfTokens({ levels, width, books }, tokens) {
  const out = new Float32Array((tokens.length / levels) * width);
  tokens.forEach((token, k) => {
    const at = Math.floor(k / levels) * width, book = books[k % levels];
    for (let j = 0; j < width; j++) out[at + j] += book[token * width + j];
  });
  return out;
}

/** The tokens of the code that is nearest to z. */
function tokensOf(scene, z) {
  const found = booksOf(scene), out = [];
  for (let at = 0; at < z.length; at += found.width) out.push(...quantised(z.subarray(at, at + found.width), found.books, found.width).tokens);
  return out;
}

/** The tokens of an example, as its encoder chose them. */
function tokensOfExample(scene, index) {
  const { data, shape } = scene.arrays.tokens;
  return Array.from(data.subarray(index * shape[1], (index + 1) * shape[1]));
}

/** z, or where codes are entries of books the code near it that they have: the decoder knows no other. */
const snapped = (scene, z) => (scene.arrays.book ? codeOfTokens(booksOf(scene), tokensOf(scene, Float32Array.from(z))) : z);

/** Fill in the codes of a scene that holds only its tokens. */
function withCodes(scene) {
  const { meta, arrays } = scene;
  if (arrays.codes || !arrays.tokens) return scene;
  const found = booksOf(scene), codes = new Float32Array(meta.n * meta.d), width = arrays.tokens.shape[1];
  for (let i = 0; i < meta.n; i++) codes.set(codeOfTokens(found, arrays.tokens.data.subarray(i * width, (i + 1) * width)), i * meta.d);
  arrays.codes = { data: codes, shape: [meta.n, meta.d] };
  return scene;
}

/** How many entries are offered for a place, those that examples have there most. */
const OFFERED = 12;

function buildTokens(root) {
  const grid = el("div", { class: "tokens", id: "tokens", role: "group", label: "tokens.grid" });
  const number = el("input", { type: "number", id: "token", min: 0, step: 1, onchange: () => put(number.valueAsNumber) });
  const about = el("h3", { id: "token-of" }), offers = el("div", { class: "slots offers", id: "offers" });
  root.append(el("p", { class: "soft", t: "tokens.about" }), grid, about,
    el("label", { class: "field" }, el("span", { t: "tokens.entry" }), number, el("span", { id: "token-last" })), el("p", { class: "soft", t: "tokens.often" }), offers);
  let place = 0, tokens = [], turn = 0;

  function put(token) {
    const side = sides[0], found = booksOf(side.scene);
    if (!Number.isInteger(token) || token < 0 || token >= found.entries) { notice(t("tokens.range", { last: found.entries - 1 })); number.value = tokens[place]; return; }
    const changed = [...tokens];
    changed[place] = token;
    session.setCode(side, codeOfTokens(found, changed), { tokens: changed });
  }

  const nameOf = (k, levels) => (levels > 1 ? t("tokens.level", { latent: Math.floor(k / levels) + 1, level: (k % levels) + 1 }) : t("tokens.latent", { latent: k + 1 }));

  function show(side) {
    if (side !== sides[0] || view.tab !== "tokens" || !side.scene.arrays.book) return;
    const { levels, entries } = booksOf(side.scene), before = tokens.length;
    tokens = side.tokens;
    if (tokens.length !== before || grid.children.length !== tokens.length) {
      place = Math.min(place, tokens.length - 1);
      grid.style.setProperty("--columns", levels > 1 ? levels : Math.min(8, Math.ceil(Math.sqrt(tokens.length))));
      grid.replaceChildren(...tokens.map((_, k) => el("button", { type: "button", onclick: () => { place = k; show(sides[0]); } })));
    }
    [...grid.children].forEach((button, k) => {
      button.textContent = tokens[k];
      button.setAttribute("aria-pressed", String(k === place));
      button.setAttribute("aria-label", `${nameOf(k, levels)}: ${tokens[k]}`);
      button.style.setProperty("--share", tokens[k] / Math.max(1, entries - 1));
    });
    about.textContent = nameOf(place, levels);
    number.max = entries - 1;
    if (document.activeElement !== number) number.value = tokens[place];
    $("token-last").textContent = t("tokens.of", { last: entries - 1 });
    soon();
  }

  /** The entries that examples have most at the chosen place, each with what the code would then be. */
  async function offer() {
    const side = sides[0], { scene } = side, found = booksOf(scene), width = tokens.length, counts = new Map(), now = ++turn;
    for (let at = place; at < scene.arrays.tokens.data.length; at += width) {
      const token = scene.arrays.tokens.data[at];
      counts.set(token, (counts.get(token) ?? 0) + 1);
    }
    const often = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, OFFERED), size = sizeOf(scene.meta);
    const z = new Float32Array(often.length * scene.meta.d);
    often.forEach(([token], k) => z.set(codeOfTokens(found, tokens.map((own, at) => (at === place ? token : own))), k * scene.meta.d));
    const images = await backend.drawn(side.run, scene.meta, z);
    if (now !== turn || side.scene !== scene) return;
    offers.replaceChildren(...often.map(([token, count], k) => {
      const picture = frame("tiny", "");
      paintExample(picture, scene.meta, images.subarray(k * size, (k + 1) * size));
      const share = num((100 * count) / scene.meta.n, 0);
      return el("figure", {}, el("button", { type: "button", class: "tile", "data-token": token, "aria-label": t("tokens.take", { token, share }), onclick: () => put(token) }, picture),
        el("figcaption", { text: `${token} · ${share}%` }));
    }));
  }

  const soon = calmly(() => offer().catch(failed), 60), all = () => { if (sides[0]?.scene) show(sides[0]); };
  on("code given", show);
  on("tab scene language", all);
}
