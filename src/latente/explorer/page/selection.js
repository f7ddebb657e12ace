// Points that were chosen together, with a lasso, a box or the filters: a sheet of them, a file, labels of one's own.

/** 1 for every selected example of a scene; null where none is selected, or those of other data are. */
const selectedIn = (scene) => (session.selected && session.selected.of === fingerprintOf(scene) ? session.selected.mask : null);

/** The numbers of the selected examples of the first side, in rising order. */
function selectedIndices() {
  const mask = sides[0]?.scene && selectedIn(sides[0].scene), out = [];
  for (let i = 0; mask && i < mask.length; i++) if (mask[i]) out.push(i);
  return out;
}

/** Select these examples of a side, or add them to those that are; an empty selection is none. */
session.select = (side, mask, add = false) => {
  const before = add ? selectedIn(side.scene) : null;
  if (before) for (let i = 0; i < mask.length; i++) mask[i] |= before[i];
  session.selected = mask.some(Boolean) ? { of: fingerprintOf(side.scene), mask } : null;
  repaint();
  emit("selected");
};

/** Which of the shown points lie within a closed path of screen places (by the even-odd rule). */
function within(chart, path) {
  const { projection, side } = chart, { labels, none } = paintOf(side), n = labels.length, mask = new Uint8Array(n), m = path.length;
  const places = path.map(([px, py]) => chart.place(px, py)), xs = Float64Array.from(places, (p) => p[0]), ys = Float64Array.from(places, (p) => p[1]);
  const left = xs.reduce((a, b) => Math.min(a, b)), right = xs.reduce((a, b) => Math.max(a, b)), low = ys.reduce((a, b) => Math.min(a, b)), high = ys.reduce((a, b) => Math.max(a, b));
  // The edges that each of some slices from bottom to top meets: a point is compared with those of its own.
  const slices = Array.from({ length: 256 }, () => []), sliceOf = (y) => clamp(Math.floor((256 * (y - low)) / (high - low || 1)), 0, 255);
  for (let k = 0, j = m - 1; k < m; j = k++) {
    const ends = [sliceOf(ys[k]), sliceOf(ys[j])].sort((a, b) => a - b);
    for (let s = ends[0]; s <= ends[1]; s++) slices[s].push(k, j);
  }
  for (let i = 0; i < n; i++) {
    const x = projection.x[i], y = projection.y[i];
    if (x < left || x > right || y < low || y > high || labels[i] === none) continue;
    const edges = slices[sliceOf(y)];
    let inside = 0;
    for (let e = 0; e < edges.length; e += 2) {
      const k = edges[e], j = edges[e + 1];
      if (ys[k] > y !== ys[j] > y && x < ((xs[j] - xs[k]) * (y - ys[k])) / (ys[j] - ys[k]) + xs[k]) inside ^= 1;
    }
    mask[i] = inside;
  }
  return mask;
}

/** The places of a lasso, those that tell nothing more left out; of a box its corners. */
const LASSO = 300;
function pathOf(trail, mode) {
  if (mode === "box") { const [[x0, y0], [x1, y1]] = [trail[0], trail.at(-1)]; return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]; }
  const stride = Math.ceil(trail.length / LASSO);
  return trail.filter((_, i) => i % stride === 0);
}

/** How many examples are shown at once on the panel, and how many a sheet has at most. */
const THUMBS = 24, SHEET = 1600;

function buildSelection(root) {
  const about = el("p", { class: "soft", id: "selected-about" }), grid = el("div", { class: "samples", id: "selected" });
  const name = el("input", { id: "own-name", autocomplete: "off", label: "selection.name", maxlength: 80 }), mine = el("div", { class: "own-labels", id: "own-labels" });
  const button = (key, run, id) => el("button", { type: "button", class: "plain", t: `selection.${key}`, id, onclick: () => { try { Promise.resolve(run()).catch(failed); } catch (error) { failed(error); } } });
  const sheet = button("sheet", saveSheet, "save-sheet"), csv = button("csv", () => download(fileName("selection.csv"), csvText(selectedIndices()), "text/csv"), "save-selection");
  const clear = button("clear", () => session.select(sides[0], new Uint8Array(sides[0].scene.meta.n)), "select-none");
  const label = el("form", { class: "field", onsubmit: (event) => { event.preventDefault(); give(name.value.trim()); } }, name, el("button", { type: "submit", t: "selection.label", id: "give-label" }));
  const save = button("save", () => download(fileName("labels.csv"), ownCsv(), "text/csv"), "save-labels");
  const actions = el("div", { class: "bar" }, sheet, csv, clear);
  root.append(el("p", { class: "soft", t: "selection.how" }),
    el("div", { class: "bar" }, button("shown", () => session.select(sides[0], shownMask(sides[0].scene)), "select-shown")),
    about, actions, grid, el("h3", { t: "selection.own" }), label, mine, save);
  let turn = 0;

  /** Give the selected examples a label of one's own. */
  function give(text) {
    const chosen = selectedIndices(), { scene } = sides[0];
    if (!chosen.length || !text) { notice(t(text ? "selection.first" : "selection.unnamed")); return; }
    if (session.own?.fingerprint !== fingerprintOf(scene)) session.own = { id: "own", key: "own", fingerprint: fingerprintOf(scene), names: [], values: new Uint16Array(scene.meta.n).fill(65535) };
    const { own } = session;
    if (!own.names.includes(text)) own.names = [...own.names, text];
    for (const i of chosen) own.values[i] = own.names.indexOf(text);
    name.value = "";
    view.colour = "own";
    session.select(sides[0], new Uint8Array(scene.meta.n));
    fillLegend();
    repaint();
    notice(t("selection.labelled", { count: num(chosen.length, 0), name: text }), "done");
  }

  function drop(at) {
    const { own } = session;
    own.names = own.names.filter((_, i) => i !== at);
    for (let i = 0; i < own.values.length; i++) if (own.values[i] === at) own.values[i] = 65535; else if (own.values[i] < 65535 && own.values[i] > at) own.values[i]--;
    session.filters.delete("own");
    if (!own.names.length) session.own = null;
    fillLegend();
    filtered();
    show().catch(failed);
  }

  const ownCsv = () => {
    const { own } = session, { meta } = sides[0].scene, lines = ["split,index,label"];
    own.values.forEach((v, i) => { if (v < own.names.length) lines.push([meta.split, i, field(own.names[v])].join(",")); });
    return `${lines.join("\n")}\n`;
  };

  async function show() {
    if (!sides[0]?.scene) return;
    const own = session.own?.fingerprint === fingerprintOf(sides[0].scene) ? session.own : null;
    mine.replaceChildren(...(own?.names ?? []).map((text, k) => el("span", { class: "own-label" }, el("span", { text: `${text}: ${num(own.values.reduce((sum, v) => sum + (v === k), 0), 0)}` }),
      el("button", { type: "button", class: "plain", text: "×", "aria-label": t("selection.drop", { name: text }), onclick: () => drop(k) }))));
    save.hidden = !own;
    if (view.tab !== "selection") return;
    const now = ++turn, side = sides[0], { scene } = side, { meta, arrays } = scene, chosen = selectedIndices();
    actions.hidden = grid.hidden = !chosen.length;
    sheet.hidden = !meta.image;
    const counts = new Map();
    if (arrays.labels) for (const i of chosen) counts.set(arrays.labels.data[i], (counts.get(arrays.labels.data[i]) ?? 0) + 1);
    const kinds = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 6).map(([label, count]) => `${meta.classes[label]}: ${num(count, 0)}`).join(" · ");
    about.textContent = chosen.length ? [t("selection.count", { count: num(chosen.length, 0) }), kinds, chosen.length > THUMBS ? t("selection.some", { count: THUMBS }) : ""].filter(Boolean).join(" · ") : t("selection.none");
    about.dataset.count = chosen.length;
    const some = chosen.slice(0, THUMBS), drawn = some.length ? await examplesOf(side, some) : [];
    if (now !== turn) return;
    grid.replaceChildren(...some.map((index, k) => {
      const picture = frame("tiny", "");
      paintExample(picture, meta, drawn[k]);
      return el("button", { type: "button", class: "tile", "data-index": index, "aria-label": exampleName(scene, index), onclick: () => session.choose(index) }, picture);
    }));
  }

  const soon = calmly(() => show().catch(failed), 30);
  on("selected", () => { soon(); say(t("selection.count", { count: num(selectedIndices().length, 0) })); });
  on("tab scene language sides", soon);
}

/** Examples as they are drawn; those that a page as one file does not hold, as the model reconstructs them. */
async function examplesOf(side, indices) {
  const { scene } = side, found = await side.shown.get(indices);
  return Promise.all(indices.map((index, k) => found[k] ?? backend.drawn(side.run, scene.meta, codeOf(scene, index), contextOf(scene, index))));
}

/** The selected examples side by side as one PNG, those that are too many for it evenly left out. */
async function saveSheet() {
  const side = sides[0], { meta } = side.scene, chosen = selectedIndices(), stride = Math.max(1, chosen.length / SHEET);
  const some = Array.from({ length: Math.min(chosen.length, SHEET) }, (_, k) => chosen[Math.floor(k * stride)]);
  const [h, w] = meta.shape, times = Math.max(1, Math.round(40 / h)), columns = Math.ceil(Math.sqrt((some.length * h) / w)), rows = Math.ceil(some.length / columns);
  const canvas = el("canvas", { width: columns * (w * times + 2) + 2, height: rows * (h * times + 2) + 26 }), ctx = canvas.getContext("2d"), picture = el("canvas");
  ctx.fillStyle = css("--page");
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.imageSmoothingEnabled = false;
  // In pieces, so that no answer is too large.
  for (let at = 0; at < some.length; at += 256) {
    const drawn = await examplesOf(side, some.slice(at, at + 256));
    drawn.forEach((one, k) => {
      paintExample(picture, meta, one);
      ctx.drawImage(picture, 2 + ((at + k) % columns) * (w * times + 2), 2 + Math.floor((at + k) / columns) * (h * times + 2), w * times, h * times);
    });
  }
  ctx.fillStyle = css("--ink");
  ctx.font = `13px ${FONT}`;
  ctx.fillText(t("selection.caption", { shown: num(some.length, 0), count: num(chosen.length, 0), run: meta.run, data: meta.data }), 4, canvas.height - 8);
  canvas.toBlob((blob) => download(fileName("sheet.png"), blob), "image/png");
}

/** Tell the notebook that the page is in what is selected; nobody else is told. */
function linkSelection() {
  if (!BOOT.link || window.parent === window) return;
  const tell = () => window.parent.postMessage({ latente: "selection", split: sides[0]?.scene.meta.split, index: selectedIndices() }, "*");
  on("selected scene", tell);
}
