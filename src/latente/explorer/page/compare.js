// Two runs side by side: the same example through both, the same walk through both.

function buildCompare(root) {
  const other = el("select", { id: "other", onchange: () => session.compare(other.value === "" ? null : Number(other.value)).catch(failed) });
  const body = el("div", { id: "compared" });
  root.append(el("label", { class: "field" }, el("span", { t: "compare.with" }), other), el("p", { class: "soft", id: "compare-about" }), body);
  let turn = 0;

  function options() {
    const list = session.runs.map((run, i) => ({ run, i })).filter(({ run, i }) => run.state === "finished" && i !== sides[0]?.run);
    other.replaceChildren(el("option", { value: "", t: "compare.none" }), ...list.map(({ run, i }) => el("option", { value: i, text: run.name })));
    other.value = sides[1] ? String(sides[1].run) : "";
  }

  const cell = (picture, text) => el("figure", {}, picture, el("figcaption", { text }));

  async function show() {
    if (view.tab !== "compare" || !sides[0]?.scene) return;
    const now = ++turn;
    $("compare-about").textContent = t(sides.length < 2 ? (session.runs.length < 2 ? "compare.alone" : "compare.pick") : session.same() ? "compare.about" : "compare.foreign");
    if (sides.length < 2) { body.replaceChildren(); return; }
    const parts = [];
    if (session.same() && sides[0].chosen !== null) {
      const index = sides[0].chosen, { meta } = sides[0].scene, [own] = await sides[0].shown.get([index]), row = [];
      if (own) { const picture = frame("middle", exampleName(sides[0].scene, index)); paintExample(picture, meta, own); row.push(cell(picture, t("decoded.own"))); }
      for (const side of sides) {
        const drawn = await backend.drawn(side.run, side.scene.meta, codeOf(side.scene, index), contextOf(side.scene, index)), name = session.runs[side.run].name;
        const picture = frame("middle", t("compare.rebuilt", { name }));
        picture.dataset.run = side.run;
        paintExample(picture, side.scene.meta, drawn);
        row.push(cell(picture, own ? `${name} · ${num(rootError(meta, own, drawn), 3)}` : name));
      }
      parts.push(el("h3", { text: exampleName(sides[0].scene, index) }), el("div", { class: "slots" }, ...row));
      if (own) parts.push(el("p", { class: "soft", text: t("compare.error") }));
    }
    if (session.same() && view.ends.a !== null && view.ends.b !== null) {
      parts.push(el("h3", { text: t("compare.walk") }));
      for (const side of sides) {
        const { meta } = side.scene, { a, b } = endCodes(side), row = el("div", { class: "strip" }), z = new Float32Array(STRIP * meta.d), size = sizeOf(meta);
        for (let k = 0; k < STRIP; k++) z.set(between(side.scene, a, b, k / (STRIP - 1), view.path), k * meta.d);
        const images = await backend.drawn(side.run, meta, z);
        fillStrip(row, meta, (k) => images.subarray(k * size, (k + 1) * size), (k) => z.slice(k * meta.d, (k + 1) * meta.d), side);
        parts.push(el("p", { class: "soft", text: session.runs[side.run].name }), row);
      }
    }
    if (now === turn) body.replaceChildren(...parts);
  }

  const soon = calmly(() => show().catch(failed), 60);
  on("sides scene language runs", () => { options(); soon(); });
  on("chosen ends tab given", soon);
}
