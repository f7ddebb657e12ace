// A digit drawn by hand, or a file: where the encoder puts it, what comes back, and how unlike the training data it is.

const PAD = 280, BRUSH = 21;

function buildDraw(root) {
  const pad = el("canvas", { class: "pad", id: "pad", width: PAD, height: PAD, role: "img", label: "draw.pad" });
  const ctx = pad.getContext("2d", { willReadFrequently: true });
  const centred = el("input", { type: "checkbox", id: "centred", checked: true, onchange: () => again() });
  const file = el("input", { type: "file", id: "file", accept: "image/*", class: "sr", onchange: () => { if (file.files[0]) read(file.files[0]); file.value = ""; } });
  const clear = el("button", { type: "button", class: "plain", t: "draw.clear", id: "clear", onclick: () => { wipe(); forget(); } });
  const results = {};
  const result = (key) => {
    results[key] = frame("middle", t(`draw.${key}`));
    results[key].id = `drawn-${key}`;
    return el("figure", {}, results[key], el("figcaption", { t: `draw.${key}` }));
  };
  const score = el("p", { class: "score", id: "score" }), where = el("p", { class: "soft", id: "landed" });
  const meter = el("div", { class: "meter", "aria-hidden": "true", hidden: true }, el("span", {}));
  const go = el("button", { type: "button", class: "plain", t: "go", hidden: true, id: "draw-go", onclick: () => session.setCode(sides[0], sides[0].landed.mean) });
  root.append(
    el("p", { class: "soft", t: "draw.about" }),
    el("div", { class: "drawing" }, pad, el("div", { class: "actions" }, clear,
      el("label", { class: "button plain", for: "file" }, el("span", { t: "draw.file" })), file,
      el("label", { class: "check" }, centred, el("span", { t: "draw.centre" })))),
    el("div", { class: "slots" }, result("seen"), result("rebuilt"), result("wrong")), score, meter, where, go,
  );
  let source = null, down = false, last = null, turn = 0;

  const ground = () => (sides[0].scene.meta.dark ? "#000" : "#fff"), ink = () => (sides[0].scene.meta.dark ? "#fff" : "#000");

  function wipe() {
    ctx.fillStyle = ground();
    ctx.fillRect(0, 0, PAD, PAD);
  }

  function forget() {
    turn++;
    source = null;
    for (const side of sides) side.landed = null;
    for (const canvas of Object.values(results)) canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    score.textContent = where.textContent = "";
    meter.hidden = go.hidden = true;
    delete where.dataset.z;
    emit("landed");
  }

  const at = (event) => { const r = pad.getBoundingClientRect(); return [(event.clientX - r.left) * (PAD / r.width), (event.clientY - r.top) * (PAD / r.height)]; };

  function stroke(to) {
    ctx.strokeStyle = ink();
    ctx.lineWidth = BRUSH;
    ctx.lineCap = ctx.lineJoin = "round";
    ctx.beginPath();
    ctx.moveTo(...(last ?? to));
    ctx.lineTo(...to);
    ctx.stroke();
    last = to;
    source = ctx.getImageData(0, 0, PAD, PAD);
    soon();
  }

  pad.addEventListener("pointerdown", (event) => { pad.setPointerCapture(event.pointerId); down = true; last = null; stroke(at(event)); });
  pad.addEventListener("pointermove", (event) => { if (down) for (const one of event.getCoalescedEvents?.() ?? [event]) stroke(at(one)); });
  for (const name of ["pointerup", "pointercancel"]) pad.addEventListener(name, () => { down = false; });

  async function read(chosen) {
    try {
      source = await backend.image(chosen);
      wipe();
      const scale = Math.min(PAD / source.width, PAD / source.height), canvas = new OffscreenCanvas(source.width, source.height);
      canvas.getContext("2d").putImageData(source, 0, 0);
      ctx.imageSmoothingEnabled = scale < 4;
      ctx.drawImage(canvas, (PAD - source.width * scale) / 2, (PAD - source.height * scale) / 2, source.width * scale, source.height * scale);
      await examine();
    } catch (error) { failed(error); }
  }

  async function examine() {
    if (!source) return;
    const now = ++turn, found = [];
    // Through every run that is open, each with its own idea of it.
    for (const one of sides) {
      const { meta } = one.scene;
      if (!meta.image) { found.push(null); continue; }
      const drawn = toExample(source, meta, centred.checked);
      found.push({ drawn, ...(await backend.encode(one.run, meta, modelValues(meta, drawn))) });
    }
    const side = sides[0], { meta } = side.scene, { drawn, mean, score: nats } = found[0], rebuilt = await backend.drawn(side.run, meta, mean);
    if (now !== turn || found.length !== sides.length) return;
    sides.forEach((one, i) => {
      if (!found[i]) return;
      one.landed = { drawn: found[i].drawn, mean: found[i].mean, variance: found[i].logVar ? found[i].logVar.map(Math.exp) : null };
      // What was drawn is what the big picture shows.
      session.setCode(one, found[i].mean, { linked: false });
      emit("own", one);
    });
    paintExample(results.seen, meta, drawn);
    paintExample(results.rebuilt, meta, rebuilt);
    paintError(results.wrong, meta, drawn, rebuilt);
    const below = meta.scores.filter((s) => s <= nats[0]).length / meta.scores.length;
    const key = meta.score === "error" ? "draw.error" : "draw.score";
    score.textContent = t(below > 0.99 ? `${key}_high` : key, { value: num(nats[0], meta.score === "error" ? 3 : 1), share: num(100 * below, 0) });
    score.dataset.nats = nats[0];
    meter.hidden = go.hidden = false;
    meter.firstChild.style.left = `${clamp(100 * below, 1, 99)}%`;
    const near = nearestCode(side.scene, mean);
    where.textContent = t("draw.landed", { code: Array.from(mean.subarray(0, 8), (v) => num(v)).join("; ") + (mean.length > 8 ? "; …" : ""), near: exampleName(side.scene, near) });
    where.dataset.z = Array.from(mean).join(",");
    say(score.textContent);
    emit("landed");
  }

  let running = false, wanted = false;
  /** As a line is drawn: one at a time, and the last once more. */
  async function again() {
    if (running) { wanted = true; return; }
    running = true;
    try { await examine(); } catch (error) { failed(error); }
    running = false;
    if (wanted) { wanted = false; soon(); }
  }
  const soon = framed(again);

  document.addEventListener("dragover", (event) => { event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    const dropped = event.dataTransfer?.files[0];
    if (dropped && sides[0]?.scene.meta.image) { openTab("draw"); read(dropped); }
  });
  on("scene", () => { if (sides[0]?.scene) { wipe(); forget(); } });
}
