// Curves and reconstructions of a training, live while it goes on.

const EVERY = 2000;

function buildTraining(root) {
  const which = el("div", { class: "runs", role: "group", label: "training.runs" });
  const state = el("p", { class: "soft", id: "training-state" });
  const chart = el("div", { class: "curves", id: "curves" });
  const animation = el("div", { id: "animation", hidden: true }), rows = [el("div", { class: "strip" }), el("div", { class: "strip" })];
  const epoch = el("input", { type: "range", min: 0, step: 1, id: "animation-at", label: "training.epoch", oninput: () => { following = false; paintAnimation(); } });
  const epochText = el("output", { class: "value" });
  animation.append(el("h3", { t: "training.film" }), el("p", { class: "soft", t: "training.originals" }), rows[0], el("p", { class: "soft", t: "training.rebuilt" }), rows[1], el("div", { class: "player" }, epoch, epochText));
  root.append(which, state, chart, animation);
  let run = null, found = null, following = true, timer = 0;

  function buttons() {
    if (session.runs.length < 2) { which.replaceChildren(); return; }
    which.replaceChildren(...session.runs.map((one, i) => el("button", {
      type: "button", class: "chip", "aria-pressed": String(i === run), onclick: () => { run = i; following = true; buttons(); load(); },
    }, el("span", { text: one.name }), el("span", { class: `state ${one.state}`, text: t(`state.${one.state}`) }))));
  }

  async function load() {
    clearTimeout(timer);
    if (view.tab !== "training" || !session.runs.length) return;
    if (BOOT.backend === "server" && session.runs.some((one) => one.study && one.state !== "finished")) await refresh();
    run ??= Math.max(0, session.runs.findIndex((one) => one.state === "training"), sides[0]?.scene ? sides[0].run : 0);
    try {
      found = await backend.progress(run);
      show();
    } catch (error) { failed(error); }
    // As long as there is something to wait for.
    if (session.runs.some((one) => one.state !== "finished")) timer = setTimeout(load, EVERY);
  }

  async function refresh() {
    try {
      const before = session.runs.map((one) => one.state).join();
      session.runs = await backend.runs();
      if (session.runs.map((one) => one.state).join() !== before) { emit("runs"); following = true; }
      buttons();
    } catch (error) { failed(error); }
  }

  function show() {
    const { meta, arrays } = found;
    state.textContent = t(`training.${meta.state}`, { done: meta.done, asked: meta.asked ?? "?" });
    state.dataset.done = meta.done;
    drawCurves(chart, meta);
    animation.hidden = !arrays.frames;
    if (!arrays.frames) return;
    epoch.max = arrays.frames.shape[0] - 1;
    if (following) epoch.value = epoch.max;
    paintAnimation();
  }

  function paintAnimation() {
    const { frames, originals } = found.arrays, [count, n, ...shape] = frames.shape, size = shape.reduce((a, b) => a * b, 1), at = Number(epoch.value);
    const meta = { image: true, shape };
    const fill = (row, data, from, key) => {
      while (row.children.length < n) row.append(frame("tiny", ""));
      [...row.children].forEach((canvas, i) => { paintExample(canvas, meta, data.subarray(from + i * size, from + (i + 1) * size)); describe(canvas, t(key, { number: i + 1 })); });
    };
    rows[0].hidden = rows[0].previousElementSibling.hidden = !originals;
    if (originals) fill(rows[0], originals.data, 0, "training.original_one");
    fill(rows[1], frames.data, at * n * size, "training.rebuilt_one");
    const stride = Math.max(1, Math.ceil(found.meta.done / count)), number = Math.min(found.meta.done, at * stride + 1);
    epochText.textContent = t("training.at", { number: at === count - 1 ? found.meta.done : number });
    epoch.setAttribute("aria-valuetext", epochText.textContent);
  }

  on("tab", () => { buttons(); load(); });
  on("runs", buttons);
  on("scene", () => { run = sides[0]?.scene ? sides[0].run : run; following = true; buttons(); load(); });
  on("language theme", () => { buttons(); if (found) show(); });
}

/** Training and validation loss over the epochs. */
function drawCurves(root, meta) {
  const series = [["loss", "--curve-train"], ["val_loss", "--curve-validation"]].filter(([name]) => meta.history[name]?.length);
  const values = series.flatMap(([name]) => meta.history[name]).filter((v) => v !== null);
  if (!values.length) { root.replaceChildren(); return; }
  const W = Math.round(clamp(root.clientWidth || 360, 280, 640)), H = 210, left = 44, right = 12, top = 12, bottom = 34, epochs = meta.epochs;
  // The first epoch's mean is far above the rest and would flatten it.
  const sorted = [...values].sort((a, b) => a - b), low = sorted[0], high = Math.max(sorted[Math.floor(0.97 * (sorted.length - 1))], low + 1e-6);
  const pad = 0.06 * (high - low), span = high - low + 2 * pad, last = Math.max(epochs.at(-1), 2);
  const x = (epoch) => left + ((epoch - 1) / (last - 1)) * (W - left - right), y = (v) => top + ((high + pad - v) / span) * (H - top - bottom);
  const text = t("training.curves", { first: num(meta.history.loss[0] ?? 0, 1), last: num(meta.history.loss.at(-1) ?? 0, 1) });
  const plot = svg("svg", { viewBox: `0 0 ${W} ${H}`, width: W, height: H, role: "img", "aria-label": text });
  const step = tickStep(H / span, 44), digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  for (let k = Math.ceil((low - pad) / step); k * step <= high + pad; k++) {
    plot.append(svg("line", { x1: left, x2: W - right, y1: y(k * step), y2: y(k * step), class: "rule" }), svg("text", { x: left - 6, y: y(k * step) + 4, class: "tick end" }, num(k * step, digits)));
  }
  for (const at of [...new Set([1, Math.round((1 + last) / 2), last])]) plot.append(svg("text", { x: x(at), y: H - bottom + 16, class: "tick middle" }, at));
  plot.append(svg("text", { x: (left + W - right) / 2, y: H - 4, class: "tick middle" }, t("training.epoch")));
  // A nested picture cuts off what lies above.
  const inside = svg("svg", { x: left, y: top, width: W - left - right, height: H - top - bottom });
  plot.append(inside);
  for (const [name, colour] of series) {
    const points = meta.history[name].map((v, i) => (v === null ? null : `${(x(epochs[i]) - left).toFixed(1)},${(y(v) - top).toFixed(1)}`)).filter(Boolean);
    const line = svg("polyline", { points: points.join(" "), class: name === "loss" ? "line dashed" : "line" });
    line.style.stroke = `var(${colour})`;
    inside.append(line);
  }
  const key = el("p", { class: "key" }, ...series.map(([name]) => el("span", { class: name === "loss" ? "train" : "validation", text: `${t(`training.${name}`)} ${num(meta.history[name].at(-1) ?? NaN, 1)}` })));
  root.replaceChildren(plot, key);
}
