// The decoder's images over the visible part of the map, behind the points.

const CELL = 34;

/** Decodes a grid over what a chart shows and keeps it as one picture with its place on the map. */
class Manifold {
  constructor(chart) { this.chart = chart; this.picture = null; this.asked = 0; this.soon = calmly(() => this.decode(), 140); }

  clear() { this.picture = null; this.asked++; }

  async decode() {
    const { chart } = this, { side } = chart, meta = side.scene?.meta;
    if (!view.behind || !meta?.image || !chart.projection || chart.projection.snaps || meta.d < 2) { this.clear(); return; }
    const turn = ++this.asked, [h, w] = meta.shape, tall = CELL, wide = (CELL * w) / h;
    const columns = Math.min(60, Math.ceil(chart.width / wide)), rows = Math.min(60, Math.ceil(chart.height / tall));
    const z = new Float32Array(columns * rows * meta.d), base = side.z;
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        const place = chart.place((c + 0.5) * wide, (r + 0.5) * tall);
        z.set(chart.projection.lift(place, base), (r * columns + c) * meta.d);
      }
    }
    const corner = chart.place(0, 0), far = chart.place(columns * wide, rows * tall);
    const sheet = new OffscreenCanvas(columns * w, rows * h), ctx = sheet.getContext("2d"), size = sizeOf(meta);
    // In pieces, so that a page that computes by itself stays responsive.
    const piece = backend.whole ? columns * rows : 4 * columns;
    for (let at = 0; at < columns * rows; at += piece) {
      const count = Math.min(piece, columns * rows - at);
      const images = await backend.drawn(side.run, meta, z.subarray(at * meta.d, (at + count) * meta.d));
      if (turn !== this.asked) return;
      this.fill(ctx, meta, images, at, count, columns, size);
      this.picture = { sheet, corner, far };
      chart.drawGround();
      if (!backend.whole) await new Promise((go) => { setTimeout(go); });
    }
  }

  fill(ctx, meta, images, at, count, columns, size) {
    const [h, w, channels = 1] = meta.shape;
    for (let k = 0; k < count; k++) {
      const tile = ctx.createImageData(w, h), from = k * size;
      for (let i = 0; i < w * h; i++) {
        for (let c = 0; c < 3; c++) tile.data[4 * i + c] = images[from + channels * i + (channels === 3 ? c : 0)];
        tile.data[4 * i + 3] = 255;
      }
      ctx.putImageData(tile, ((at + k) % columns) * w, Math.floor((at + k) / columns) * h);
    }
  }

  draw(ctx) {
    if (!this.picture || !view.behind) return;
    const [x0, y0] = this.chart.screen(this.picture.corner), [x1, y1] = this.chart.screen(this.picture.far);
    ctx.save();
    ctx.globalAlpha = isDark() ? 0.55 : 0.4;
    ctx.imageSmoothingQuality = "high";
    // A dark ground under a light page would hide the points; there the images are shown as ink on paper.
    if (!isDark() && this.chart.side.scene.meta.dark) ctx.filter = "invert(1)";
    ctx.drawImage(this.picture.sheet, x0, y0, x1 - x0, y1 - y0);
    ctx.restore();
  }
}
