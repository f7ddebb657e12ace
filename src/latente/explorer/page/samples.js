// Images of codes drawn from the prior or from a mixture fitted to the codes, and the training images nearest to one.

const SAMPLES = 24;

function buildSamples(root) {
  const from = el("select", { id: "prior", onchange: () => draw() });
  const heatOf = el("output", { class: "value" }), temperature = el("input", { type: "range", min: 0, max: 2, step: 0.05, value: 1, id: "temperature", oninput: () => draw() });
  const seed = el("input", { type: "number", min: 0, max: 999999, value: 0, id: "seed", oninput: () => draw() });
  const again = el("button", { type: "button", id: "resample", t: "samples.again", onclick: () => { seed.value = Number(seed.value) + 1; draw(); } });
  const grid = el("div", { class: "samples", id: "samples" }), near = el("div", { class: "near", id: "near", hidden: true });
  root.append(
    el("div", { class: "bar" },
      el("label", { class: "field" }, el("span", { t: "samples.from" }), from),
      el("label", { class: "field" }, el("span", { t: "samples.seed" }), seed), again),
    el("div", { class: "slider wide" }, el("label", { for: "temperature", t: "samples.temperature" }), temperature, heatOf),
    grid, el("p", { class: "soft", t: "samples.about" }), near,
  );
  let turn = 0, fitted = null, fittedOf = null;

  function options() {
    const { prior } = sides[0].scene.meta, kept = from.value;
    from.replaceChildren(...(prior === "none" ? [] : [el("option", { value: "prior", t: "samples.prior" })]), el("option", { value: "fitted", t: "samples.fitted" }));
    if ([...from.options].some((o) => o.value === kept)) from.value = kept;
  }

  async function codes(side, heat) {
    const { meta, arrays } = side.scene, { d } = meta, flat = uniform(Number(seed.value) + 1), gauss = normal(flat), out = new Float32Array(SAMPLES * d);
    if (from.value === "prior" && meta.prior === "standard-normal") return out.map(() => heat * gauss());
    if (from.value === "prior") {
      const pool = arrays.pool.data, rows = pool.length / d, middle = new Float32Array(d);
      for (let i = 0; i < pool.length; i++) middle[i % d] += pool[i] / rows;
      for (let k = 0; k < SAMPLES; k++) {
        const row = Math.floor(flat() * rows);
        for (let j = 0; j < d; j++) out[k * d + j] = middle[j] + heat * (pool[row * d + j] - middle[j]);
      }
      return out;
    }
    if (fittedOf !== side.run) { fitted = await backend.fitted(side.run); fittedOf = side.run; }
    const { weights, means, factors } = fitted;
    for (let k = 0; k < SAMPLES; k++) {
      let rest = flat(), component = 0;
      while (component < weights.data.length - 1 && (rest -= weights.data[component]) > 0) component++;
      const noise = Float32Array.from({ length: d }, () => heat * gauss());
      for (let j = 0; j < d; j++) {
        let value = means.data[component * d + j];
        for (let i = 0; i <= j; i++) value += factors.data[(component * d + j) * d + i] * noise[i];
        out[k * d + j] = value;
      }
    }
    return out;
  }

  async function draw() {
    if (view.tab !== "samples" || !sides[0]?.scene) return;
    const now = ++turn, side = sides[0], { meta } = side.scene, heat = Number(temperature.value);
    heatOf.textContent = num(heat);
    temperature.setAttribute("aria-valuetext", num(heat));
    const free = await codes(side, heat), z = free.slice();
    for (let k = 0; side.scene.arrays.book && k < SAMPLES; k++) z.set(snapped(side.scene, free.subarray(k * meta.d, (k + 1) * meta.d)), k * meta.d);
    if (now !== turn) return;
    const images = await backend.drawn(side.run, meta, z), size = sizeOf(meta);
    if (now !== turn) return;
    while (grid.children.length < SAMPLES) grid.append(el("button", { type: "button", class: "tile" }, frame("tiny", "")));
    [...grid.children].forEach((button, k) => {
      const code = z.slice(k * meta.d, (k + 1) * meta.d);
      paintExample(button.firstChild, meta, images.subarray(k * size, (k + 1) * size));
      button.setAttribute("aria-label", t("samples.one", { number: k + 1 }));
      button.dataset.z = Array.from(code).join(",");
      button.onclick = () => { session.setCode(side, code); nearest(side, code).catch(failed); };
    });
  }

  async function nearest(side, code) {
    const { meta } = side.scene, values = await backend.decode(side.run, meta, code), found = await backend.nearest(side.run, meta, values, 6);
    near.hidden = false;
    near.replaceChildren(el("h3", { t: backend.whole ? "samples.near" : "samples.near_file" }), el("div", { class: "slots" }, ...found.map((one) => {
      const label = one.label === null ? "" : meta.classes[one.label], name = one.split === "all" ? t("example.any", { index: one.index }) : t("example.name", { split: t(`split.${one.split}`), index: one.index });
      const picture = frame("tiny", label ? t("example.labelled", { name, label }) : name);
      paintExample(picture, meta, one.drawn);
      return el("figure", {}, picture, el("figcaption", { text: label ? `${label} · ${num(one.distance, 1)}` : num(one.distance, 1) }));
    })), el("p", { class: "soft", t: "samples.distance" }));
  }

  on("tab given", () => draw().catch(failed));
  on("scene", () => { if (!sides[0]?.scene) return; near.hidden = true; fittedOf = null; options(); draw().catch(failed); });
  on("language", () => draw().catch(failed));
}
