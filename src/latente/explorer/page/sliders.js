// Sliders for every latent, those that carry most first, and which of them carry nothing.

/** Latents of the grid, those that carry most, and places of each. */
const TRAVERSED = 16, ACROSS = 8;

function buildSliders(root) {
  const list = el("div", { class: "sliders" });
  const rows = [];
  const reset = el("button", { type: "button", class: "plain", t: "walk.reset", onclick: () => {
    const { scene } = sides[0];
    session.setCode(sides[0], scene.meta.prior === "none" ? scene.arrays.centre.data : new Float32Array(scene.meta.d));
  } });
  const grid = el("div", { class: "traversal", id: "traversal" });
  root.append(el("p", { class: "soft", id: "walk-about" }), list, reset, el("h3", { t: "walk.all" }), el("p", { class: "soft", t: "walk.all_about" }), grid);
  let turn = 0;

  /** The code under the pointer with one latent changed after the other, each over its slider's range. */
  async function traverse() {
    const side = sides[0], { scene } = side, { meta } = scene;
    if (view.tab !== "walk" || scene.arrays.book) return;
    const now = ++turn, shown = meta.order.slice(0, TRAVERSED), size = sizeOf(meta), z = new Float32Array(shown.length * ACROSS * meta.d);
    const codes = shown.flatMap((i) => Array.from({ length: ACROSS }, (_, k) => { const code = Float32Array.from(side.z); code[i] = meta.low[i] + (k / (ACROSS - 1)) * (meta.high[i] - meta.low[i]); return code; }));
    codes.forEach((code, k) => z.set(code, k * meta.d));
    const images = await backend.drawn(side.run, meta, z);
    if (now !== turn || side.scene !== scene) return;
    if (grid.children.length !== shown.length * (ACROSS + 1)) grid.replaceChildren(...shown.flatMap(() => [el("b", {}), ...Array.from({ length: ACROSS }, () => el("button", { type: "button", class: "tile" }, frame("tiny", "")))]));
    shown.forEach((i, row) => {
      grid.children[row * (ACROSS + 1)].textContent = latentName(i);
      for (let k = 0; k < ACROSS; k++) {
        const button = grid.children[row * (ACROSS + 1) + 1 + k], at = row * ACROSS + k, code = codes[at];
        paintExample(button.firstChild, meta, images.subarray(at * size, (at + 1) * size));
        button.setAttribute("aria-label", t("walk.step", { name: latentName(i), value: num(code[i]) }));
        button.dataset.z = Array.from(code).join(",");
        button.onclick = () => session.setCode(side, code);
      }
    });
  }
  const soon = calmly(() => traverse().catch(failed), 150);

  function fill() {
    // Codes that are entries of books have a grid in their place.
    if (sides[0].scene.arrays.book) { rows.length = 0; list.replaceChildren(); return; }
    const { meta } = sides[0].scene, weights = meta.kl ?? meta.variance, most = Math.max(...weights, 1e-9);
    $("walk-about").textContent = t(meta.kl ? "walk.by_kl" : "walk.by_variance");
    rows.length = 0;
    list.replaceChildren(...meta.order.map((i) => {
      const name = latentName(i), collapsed = meta.collapsed[i];
      const value = el("output", { class: "value" });
      const slider = el("input", {
        type: "range", min: meta.low[i], max: meta.high[i], step: "any", "data-latent": i, id: `latent-${i}`,
        "aria-label": t("walk.slider", { name }), oninput: (event) => {
          const z = Float32Array.from(sides[0].z);
          z[i] = Number(event.target.value);
          session.setCode(sides[0], z);
        },
        onkeydown: (event) => {
          const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
          if (!step) return;
          event.preventDefault();
          slider.value = Number(slider.value) + step * (event.shiftKey ? 0.5 : 0.05);
          slider.dispatchEvent(new Event("input"));
        },
      });
      const bar = el("span", { class: "share", "aria-hidden": "true" }, el("span", {}));
      bar.firstChild.style.width = `${100 * clamp(weights[i] / most, 0, 1)}%`;
      const carried = meta.kl ? t("walk.kl", { value: num(weights[i]) }) : t("walk.variance", { value: num(weights[i]) });
      const weight = el("span", { class: "soft weight", text: collapsed ? t("walk.collapsed") : carried });
      rows.push({ i, slider, value });
      return el("div", { class: collapsed ? "slider collapsed" : "slider" },
        el("label", { for: `latent-${i}`, text: name }), slider, value, bar, weight);
    }));
    show(sides[0]);
  }

  function show(side) {
    if (side !== sides[0]) return;
    for (const { i, slider, value } of rows) {
      const text = num(side.z[i]);
      if (document.activeElement !== slider || Math.abs(Number(slider.value) - side.z[i]) > 1e-6) slider.value = side.z[i];
      slider.setAttribute("aria-valuetext", text);
      value.textContent = text;
    }
  }

  on("scene language", () => { if (sides[0]?.scene) fill(); });
  on("code", (side) => { if (rows.length) show(side); if (side === sides[0]) soon(); });
  on("tab given", () => { if (sides[0]?.scene) soon(); });
}
