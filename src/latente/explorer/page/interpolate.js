// Two examples and what lies between them: straight and along an arc, as strips and as a walk; and a − b + c.

const STRIP = 9;

function buildInterpolation(root) {
  const slots = {}, strips = {};
  for (const key of ["a", "b", "c"]) {
    const picture = frame("middle", ""), name = el("span", { class: "soft name" });
    const take = el("button", { type: "button", class: "plain", id: `take-${key}`, onclick: () => set(key, sides[0].chosen) });
    slots[key] = { picture, name, take };
  }
  const slot = (key) => el("div", { class: "slot" }, el("b", { text: key.toUpperCase() }), slots[key].picture, slots[key].name, slots[key].take);
  for (const path of ["linear", "spherical"]) {
    strips[path] = { row: el("div", { class: "strip", id: `strip-${path}` }) };
    strips[path].pick = el("input", { type: "radio", name: "path", value: path, id: `path-${path}`, onchange: () => { view.path = path; emit("ends"); walkTo(Number(share.value)); } });
  }
  strips.linear.pick.checked = true;
  const share = el("input", { type: "range", min: 0, max: 1, step: 0.005, value: 0, id: "share", label: "between.share", oninput: () => { stop(); walkTo(Number(share.value)); } });
  const play = el("button", { type: "button", id: "play", t: "between.play", onclick: () => (timer ? stop() : start()) });
  const sum = frame("middle", ""), go = el("button", { type: "button", class: "plain", t: "go", onclick: () => { const z = sumCode(); if (z) session.setCode(sides[0], z); } });
  sum.id = "sum";
  root.append(
    el("p", { class: "soft", t: "between.about" }),
    el("div", { class: "slots" }, slot("a"), slot("b"), slot("c")),
    ...["linear", "spherical"].flatMap((path) => [
      el("label", { class: "check", for: `path-${path}` }, strips[path].pick, el("span", { t: `between.${path}` })), strips[path].row]),
    el("div", { class: "player" }, play, share),
    el("h3", { t: "between.arithmetic" }),
    el("div", { class: "sum" }, sum, el("div", {}, el("p", { class: "soft", t: "between.sum" }), go)),
  );
  let timer = 0, turn = 0;

  function set(key, index) {
    if (index === null) { notice(t("between.first")); return; }
    view.ends[key] = index;
    emit("ends");
    saveAddress();
  }

  function sumCode() {
    const { a, b, c } = endCodes(sides[0]);
    return a && b && c ? snapped(sides[0].scene, a.map((v, i) => v - b[i] + c[i])) : null;
  }

  function walkTo(at) {
    const { a, b } = endCodes(sides[0]);
    if (a && b) session.setCode(sides[0], interpolate(a, b, at, view.path));
    share.setAttribute("aria-valuetext", `${num(100 * at, 0)} %`);
  }

  function start() {
    play.textContent = t("between.pause");
    let last = performance.now(), at = Number(share.value) % 1, way = 1;
    const step = (now) => {
      at += (way * Math.min(100, now - last)) / 3500;
      last = now;
      // There and back again.
      if (at > 1) { at = 1; way = -1; } else if (at < 0) { at = 0; way = 1; }
      share.value = at;
      walkTo(at);
      timer = requestAnimationFrame(step);
    };
    timer = requestAnimationFrame(step);
  }

  function stop() {
    cancelAnimationFrame(timer);
    timer = 0;
    play.textContent = t("between.play");
  }

  /** Ends that are not chosen yet: the first example of each of the first classes. */
  function propose() {
    const { meta, arrays } = sides[0].scene, seen = new Set();
    for (const key of ["a", "b", "c"]) {
      if (view.ends[key] !== null && view.ends[key] < meta.n) { if (arrays.labels) seen.add(arrays.labels.data[view.ends[key]]); continue; }
      let index = Math.min("abc".indexOf(key), meta.n - 1);
      for (let i = 0; arrays.labels && i < meta.n; i++) { if (!seen.has(arrays.labels.data[i])) { index = i; break; } }
      if (arrays.labels) seen.add(arrays.labels.data[index]);
      view.ends[key] = index;
    }
  }

  async function show() {
    if (view.tab !== "between" || !sides[0]?.scene) return;
    propose();
    const now = ++turn, side = sides[0], { meta } = side.scene, ends = endCodes(side), keys = ["a", "b", "c"];
    const total = sumCode(), codes = new Float32Array((2 * STRIP + 4) * meta.d);
    ["linear", "spherical"].forEach((path, p) => {
      for (let k = 0; k < STRIP; k++) codes.set(between(side.scene, ends.a, ends.b, k / (STRIP - 1), path), (p * STRIP + k) * meta.d);
    });
    keys.forEach((key, k) => codes.set(ends[key], (2 * STRIP + k) * meta.d));
    codes.set(total, (2 * STRIP + 3) * meta.d);
    const images = await backend.drawn(side.run, meta, codes), size = sizeOf(meta), at = (k) => images.subarray(k * size, (k + 1) * size);
    const own = await side.shown.get(keys.map((key) => view.ends[key]));
    if (now !== turn) return;
    keys.forEach((key, k) => {
      const { picture, name, take } = slots[key], label = exampleName(side.scene, view.ends[key]);
      paintExample(picture, meta, own[k] ?? at(2 * STRIP + k));
      describe(picture, label);
      name.textContent = label;
      take.textContent = t("between.take");
      take.setAttribute("aria-label", t("between.take_as", { key: key.toUpperCase() }));
    });
    ["linear", "spherical"].forEach((path, p) => fillStrip(strips[path].row, meta, (k) => at(p * STRIP + k), (k) => between(side.scene, ends.a, ends.b, k / (STRIP - 1), path)));
    paintExample(sum, meta, at(2 * STRIP + 3));
    describe(sum, t("between.sum"));
    sum.dataset.z = Array.from(total).join(",");
  }

  on("ends scene language given", () => { show().catch(failed); for (const chart of session.charts) chart.reover(); });
  on("tab", () => { if (view.tab === "between") { show().catch(failed); } else if (timer) stop(); for (const chart of session.charts) chart.reover(); });
}

/** A row of pictures of codes; each is a button that goes there. */
function fillStrip(row, meta, drawn, code, side = sides[0]) {
  while (row.children.length < STRIP) row.append(el("button", { type: "button", class: "tile" }, frame("tiny", "")));
  [...row.children].forEach((button, k) => {
    const z = code(k);
    paintExample(button.firstChild, meta, drawn(k));
    button.setAttribute("aria-label", t("between.step", { number: k + 1, all: STRIP }));
    button.dataset.z = Array.from(z).join(",");
    button.onclick = () => session.setCode(side, z);
  });
}
