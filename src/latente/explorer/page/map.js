// One map: layers of canvas, the pointer, the keyboard, zoom and pan.

const NEAR = 12, STEP = 1.25;

class Chart {
  constructor(side, root) {
    this.side = side;
    this.hovered = null;
    this.pointers = new Map();
    const layers = ["ground", "points", "over"].map((name) => el("canvas", { class: name, "aria-hidden": "true" }));
    [this.ground, this.points, this.over] = layers;
    this.box = el("div", { class: "map", tabindex: "0", role: "application", label: "map.label", "aria-describedby": "map-help" }, ...layers);
    this.caption = el("p", { class: "caption", hidden: true });
    const button = (key, path, run) => el("button", { type: "button", label: key, onclick: run }, icon(path));
    this.hand = button("map.pan", "M9 1v16M1 9h16M9 1l-2.5 2.5M9 1l2.5 2.5M9 17l-2.5-2.5M9 17l2.5-2.5M1 9l2.5-2.5M1 9l2.5 2.5M17 9l-2.5-2.5M17 9l-2.5 2.5",
      () => this.setMode("pan"));
    this.lasso = button("map.lasso", "M9 2.5c4 0 6.8 2 6.8 4.6S13 11.6 9 11.6 2.2 9.700 2.2 7.100 5 2.500 9 2.500zM5.200 11c-1.400 1-1.500 2.700-.2 3.300 1.300.600 2.300.2 2.800 1.700", () => this.setMode("lasso"));
    this.frame = button("map.box", "M2.500 2.500h3M8 2.500h3M13.500 2.500h2v2M15.500 7v3M15.500 13v2.500h-2.500M10.500 15.500h-3M5 15.500h-2.500v-2.500M2.500 10.500v-3M2.500 5v-2.500", () => this.setMode("box"));
    this.zooms = el("div", { class: "zooms" },
      button("map.closer", "M9 3v12M3 9h12", () => this.zoom(STEP ** 2)), button("map.farther", "M3 9h12", () => this.zoom(STEP ** -2)),
      button("map.fit", "M2 6.5V2h4.5M11.5 2H16v4.5M16 11.5V16h-4.5M6.5 16H2v-4.5", () => { this.fit(); this.moved(); }), this.hand, this.lasso, this.frame);
    this.inset = frame("inset", t("decoded.title"));
    this.holder = el("div", { class: "holder" }, this.box, this.caption, this.zooms, this.inset);
    on("mode", () => this.showMode());
    on("code", (one) => { if (one === this.side) this.aim = null; });
    on("image", (one) => { if (one === this.side) { this.inset.hidden = !one.scene.meta.image; paintExample(this.inset, one.scene.meta, one.image); } });
    this.showMode();
    root.append(this.holder);
    this.painter = new PointPainter(this.points);
    this.manifold = new Manifold(this);
    this.card = new HoverCard(this, this.holder);
    this.redraw = framed(() => { this.drawGround(); this.drawPoints(); this.drawOver(); });
    this.reover = framed(() => this.drawOver());
    new ResizeObserver(() => this.resize()).observe(this.box);
    this.listen();
  }

  get first() { return sides[0] === this.side; }

  showMode() {
    for (const [button, mode] of [[this.hand, "pan"], [this.lasso, "lasso"], [this.frame, "box"]]) button.setAttribute("aria-pressed", String(view.mode === mode));
    this.box.classList.toggle("panning", view.mode === "pan");
  }

  /** What dragging does; the same button again gives walking back. */
  setMode(mode) { view.mode = view.mode === mode ? "walk" : mode; emit("mode"); }

  get selecting() { return view.mode === "lasso" || view.mode === "box"; }

  /** Select what lies within the trail of a drag. */
  finish(event) {
    const path = pathOf(this.trail, view.mode), begun = performance.now();
    this.trail = null;
    if (path.length > 2) session.select(this.side, within(this, path), event.shiftKey);
    this.holder.dataset.selected = (performance.now() - begun).toFixed(1);
    this.reover();
    if (session.selected) openTab("selection");
  }

  /** From the map's places to CSS pixels, and back. */
  screen([x, y]) { return [this.width / 2 + (x - this.centre[0]) * this.scale, this.height / 2 - (y - this.centre[1]) * this.scale]; }

  place(px, py) { return [this.centre[0] + (px - this.width / 2) / this.scale, this.centre[1] - (py - this.height / 2) / this.scale]; }

  point(i) { return [this.projection.x[i], this.projection.y[i]]; }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.box, ratio = Math.min(2, window.devicePixelRatio || 1);
    if (!width || (width === this.width && height === this.height && ratio === this.ratio)) return;
    const kept = this.width && this.scale ? Math.min(width / this.width, height / this.height) : 1;
    const whole = !this.scale || (this.scale === this.wholeScale && this.centre.every((v, k) => v === this.whole[k]));
    Object.assign(this, { width, height, ratio });
    for (const canvas of [this.ground, this.points, this.over]) { canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio); }
    if (!this.projection) return;
    this.measure();
    if (whole) this.fit(); else this.scale *= kept;
    this.moved(false);
  }

  /** Take up the side's scene, or another projection of it. */
  open(keep = false) {
    const { side } = this;
    if (!side.scene) return;
    const { arrays } = side.scene;
    if (view.projection === "umap" && !arrays.umap && this.first) view.projection = "latents";
    const axes = this.first || side.scene.meta.d === sides[0].scene?.meta.d ? [view.first, view.second] : startingAxes(side.scene.meta);
    this.projection = makeProjection(side.scene, view.projection, axes[0], axes[1]);
    this.middle = null;
    this.hovered = null;
    this.card.show(-1);
    this.manifold.clear();
    if (!this.width) { this.resize(); if (!this.width) return; }
    this.measure();
    if (!keep || !this.scale) this.fit();
    this.moved(false);
  }

  /** The middle of what there is to see and the scale at which it all fits, outliers aside. */
  measure() {
    const ends = (all) => {
      const step = Math.max(1, Math.floor(all.length / 5000)), some = [];
      for (let i = 0; i < all.length; i += step) some.push(all[i]);
      some.sort((a, b) => a - b);
      const at = (share) => some[Math.round(share * (some.length - 1))];
      return [at(0.002), at(0.998)];
    };
    const [x0, x1] = ends(this.projection.x), [y0, y1] = ends(this.projection.y);
    this.whole = [(x0 + x1) / 2, (y0 + y1) / 2];
    this.wholeScale = 0.86 * Math.min(this.width / Math.max(x1 - x0, 1e-6), this.height / Math.max(y1 - y0, 1e-6));
  }

  fit() { this.centre = [...this.whole]; this.scale = this.wholeScale; }

  /** After a change of place or scale: draw, and remember it. */
  moved(user = true) {
    this.redraw();
    if (view.behind) this.manifold.soon();
    if (user && this.first) { view.centre = [...this.centre]; view.scale = this.scale; saveAddress(); }
  }

  zoom(times, at = [this.width / 2, this.height / 2]) {
    const before = this.place(...at);
    this.scale = clamp(this.scale * times, this.wholeScale / 20, this.wholeScale * 400);
    const after = this.place(...at);
    this.centre = this.centre.map((v, k) => v + before[k] - after[k]);
    this.moved();
  }

  pan(dx, dy) { this.centre = [this.centre[0] - dx / this.scale, this.centre[1] + dy / this.scale]; this.moved(); }

  clean(canvas) {
    const ctx = canvas.getContext("2d");
    ctx.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    ctx.clearRect(0, 0, this.width, this.height);
    return ctx;
  }

  drawGround() {
    if (!this.projection || !this.width) return;
    const ctx = this.clean(this.ground);
    this.manifold.draw(ctx);
    if (!this.projection.snaps) drawGrid(ctx, this);
  }

  drawPoints() {
    const { side, projection, painter, ratio } = this;
    if (!projection || !this.width) return;
    const { meta } = side.scene, { labels, colours } = paintOf(side), alphas = this.alphas();
    const [ox, oy] = this.screen([0, 0]);
    const radius = ratio * pointRadius(meta.n, this.scale / this.wholeScale);
    const at = { ox: ox * ratio, oy: oy * ratio, scale: this.scale * ratio, radius, ratio };
    if (view.look === "density") { painter.density(projection.x, projection.y, labels, alphas, at); return; }
    painter.paint(projection.x, projection.y, labels, palette(colours), alphas, at);
    this.holder.dataset.painted = String(meta.n);
  }

  /** How solid each colour is: hidden ones not at all, faintly what is not selected, or others than the one pointed at. */
  alphas() {
    const solid = this.side.scene.meta.n > 30000 ? 255 : 225, { plain, none } = paintOf(this.side);
    return Uint8Array.from({ length: none + 1 }, (_, i) => {
      if (i === none) return 0;
      return i >= plain || (session.pointed !== null && session.pointed !== i) ? 28 : solid;
    });
  }

  drawOver() {
    if (!this.projection || !this.width) return;
    drawOverlay(this.clean(this.over), this);
  }

  /** The median place of each category's points, of at most some thousands; null of those that are hidden. */
  middles() {
    if (this.middle) return this.middle;
    const { n } = this.side.scene.meta, { x, y } = this.projection, { field, labels, none, plain } = paintOf(this.side);
    const names = field?.names ?? [], groups = names.map(() => [[], []]), step = Math.max(1, Math.floor(n / 20000));
    for (let i = 0; names.length && i < n; i += step) {
      const group = labels[i] === none ? null : groups[labels[i] % plain];
      if (group) { group[0].push(x[i]); group[1].push(y[i]); }
    }
    const median = (all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)];
    this.middle = groups.map(([xs, ys]) => (xs.length ? [median(xs), median(ys)] : null));
    return this.middle;
  }

  near(px, py, reach = NEAR) {
    const { labels, none } = paintOf(this.side), [x, y] = this.place(px, py), shown = (i) => labels[i] !== none;
    return nearestOf(this.projection.x, this.projection.y, x, y, shown, reach / this.scale);
  }

  /** Put the side's code at a place of the map. */
  walk(px, py) {
    session.setCode(this.side, this.projection.lift(this.place(px, py), this.side.z));
    // Where codes are few, the code there lies elsewhere: the next step begins where this one ended.
    this.aim = this.place(px, py);
  }

  listen() {
    const { box } = this, at = (event) => { const r = box.getBoundingClientRect(); return [event.clientX - r.left, event.clientY - r.top]; };
    box.addEventListener("pointerdown", (event) => {
      if (!this.projection || event.button > 1) return;
      box.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, at(event));
      this.trail = this.selecting && this.pointers.size === 1 && event.button === 0 ? [at(event)] : null;
      this.panning = (event.shiftKey && !this.trail) || event.button === 1 || view.mode === "pan";
      this.dragged = this.pointers.size > 1;
      this.began = at(event);
      this.card.show(-1);
    });
    box.addEventListener("pointermove", (event) => {
      const now = at(event), before = this.pointers.get(event.pointerId);
      if (!this.projection) return;
      if (!before) { this.point_at(now, event); return; }
      if (this.pointers.size > 1) this.pinch(event.pointerId, now);
      else if (this.dragged || Math.hypot(now[0] - this.began[0], now[1] - this.began[1]) > 3) {
        this.dragged = true;
        if (this.trail) { if (Math.hypot(now[0] - this.trail.at(-1)[0], now[1] - this.trail.at(-1)[1]) > 2) this.trail.push(now); this.reover(); }
        else if (this.panning) this.pan(now[0] - before[0], now[1] - before[1]); else this.walk(...now);
      }
      this.pointers.set(event.pointerId, now);
    });
    const end = (event) => {
      if (!this.pointers.delete(event.pointerId)) return;
      if (this.trail && this.dragged && event.type === "pointerup") { this.finish(event); return; }
      this.trail = null;
      if (this.dragged || event.type !== "pointerup") return;
      const now = at(event), index = this.near(...now, event.pointerType === "mouse" ? 8 : 16);
      if (index >= 0) session.choose(index, this.side); else this.walk(...now);
    };
    box.addEventListener("pointerup", end);
    box.addEventListener("pointercancel", end);
    box.addEventListener("pointerleave", () => { this.hovered = null; this.card.show(-1); this.reover(); });
    box.addEventListener("dblclick", (event) => this.zoom(STEP ** 3, at(event)));
    box.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (this.projection) this.zoom(Math.exp(-clamp(event.deltaY * (event.deltaMode ? 16 : 1), -120, 120) * 0.0022), at(event));
    }, { passive: false });
    box.addEventListener("keydown", (event) => this.key(event));
  }

  point_at(now, event) {
    if (event.pointerType === "touch") return;
    this.lastMove = now;
    this.lookSoon ??= framed(() => {
      const index = this.near(...this.lastMove);
      if (index !== this.hovered) { this.hovered = index < 0 ? null : index; this.reover(); }
      this.card.show(index, ...this.lastMove);
    });
    this.lookSoon();
  }

  pinch(id, now) {
    const before = this.pointers.get(id), other = [...this.pointers].find(([key]) => key !== id)[1];
    const length = (p) => Math.max(20, Math.hypot(p[0] - other[0], p[1] - other[1]));
    this.dragged = true;
    this.trail = null;
    this.zoom(length(now) / length(before), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
    this.pan((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  }

  key(event) {
    if (!this.projection || event.ctrlKey || event.metaKey) return;
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }, move = moves[event.key];
    const { meta } = this.side.scene, chosen = this.side.chosen ?? -1;
    if (move) {
      const size = event.shiftKey ? 40 : 8;
      if (event.altKey) this.pan(-move[0] * 60, -move[1] * 60);
      else {
        const [x, y] = this.screen(this.aim ?? this.projection.to(this.side.z));
        this.walk(x + move[0] * size, y + move[1] * size);
        this.tell();
      }
    } else if (event.key === "+" || event.key === "=") this.zoom(STEP);
    else if (event.key === "-") this.zoom(1 / STEP);
    else if (event.key === "0") { this.fit(); this.moved(); }
    else if (event.key === "n") session.choose((chosen + 1) % meta.n, this.side);
    else if (event.key === "p") session.choose((Math.max(chosen, 0) - 1 + meta.n) % meta.n, this.side);
    else if (event.key === "Escape" && session.selected) session.select(this.side, new Uint8Array(meta.n));
    else if (event.key === "Escape") session.choose(null, this.side);
    else return;
    event.preventDefault();
  }

  /** Where the pointer is, for those who do not see it. */
  tell() {
    const { side } = this, [x, y] = this.projection.to(side.z), near = nearestCode(side.scene, side.z);
    say(t("map.told", { place: `${num(x)}; ${num(y)}`, near: exampleName(side.scene, near) }));
  }
}
