// Many points at once: written as pixels into one image, as drawing calls a point would take a hundred times as long.

/** Ten colours that stay apart with any colour vision, as in the report's figures; others where the page is dark. */
const TEN = {
  light: ["#3862ec", "#edb532", "#632a07", "#053d3d", "#c3bbc5", "#7b697e", "#c56216", "#4b028f", "#2faefb", "#799a7c"],
  dark: ["#d7ecff", "#f0f24d", "#d82d5c", "#2c8e7d", "#b9a2b2", "#f77ff6", "#c18303", "#8d62b3", "#49ffcf", "#a8b682"],
};
const isDark = () => document.documentElement.dataset.shade === "dark";

/** A class's colour; beyond ten, colours of equal steps of hue. */
function classColour(i, count) {
  const ten = TEN[isDark() ? "dark" : "light"];
  if (count <= ten.length) return ten[i % ten.length];
  const hue = (i * 137.508) % 360, lightness = (isDark() ? [66, 78, 56] : [46, 58, 36])[i % 3];
  return `hsl(${hue.toFixed(1)} 65% ${lightness}%)`;
}

let swatch = null;
/** A CSS colour as three bytes. */
function rgb(colour) {
  swatch ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  swatch.clearRect(0, 0, 1, 1);
  swatch.fillStyle = colour;
  swatch.fillRect(0, 0, 1, 1);
  return [...swatch.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

/** Colours as 0xAABBGGRR, the order in which an image's bytes lie. */
function palette(colours) {
  return Uint32Array.from(colours, (c) => { const [r, g, b] = rgb(c); return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0; });
}

/** Radius of a point in CSS pixels: smaller where there are many, larger when zoomed in. */
function pointRadius(n, zoom) {
  const base = n <= 2000 ? 3.2 : n <= 8000 ? 2.4 : n <= 30000 ? 1.7 : n <= 120000 ? 1.15 : 0.5;
  return clamp(base * Math.max(1, zoom) ** 0.4, 0.5, 5);
}

/** The pixels of a disc: for each its offsets and how much of it is covered, 0 to 255; crisp ones are whole or not. */
function disc(radius, crisp) {
  if (crisp && radius < 1.6) return [[0, 0, 255], [1, 0, 255], [0, 1, 255], [1, 1, 255]];
  const reach = Math.ceil(radius), out = [];
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      const cover = Math.round(255 * clamp(radius + 0.5 - Math.hypot(x, y), 0, 1));
      if (cover > (crisp ? 100 : 20)) out.push([x, y, crisp ? 255 : cover]);
    }
  }
  return out;
}

/** From so many points on, mixing colours at their edges costs more than it shows. */
const CRISP = 30000;

class PointPainter {
  constructor(canvas) { this.canvas = canvas; this.ctx = canvas.getContext("2d"); this.image = null; }

  /** Paint points at x, y through screen = offset + scale · place. `alphas`: how solid each class is, 0 hides it. */
  paint(x, y, labels, colours, alphas, { ox, oy, scale, radius }) {
    const { width, height } = this.canvas;
    if (!width || !height) return;
    if (!this.image || this.image.width !== width || this.image.height !== height) {
      this.image = new ImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const { pixels } = this;
    pixels.fill(0);
    if (radius < 0.8) this.dots(x, y, labels, colours, alphas, ox, oy, scale);
    else this.discs(x, y, labels, colours, alphas, ox, oy, scale, disc(radius, x.length > CRISP));
    this.ctx.putImageData(this.image, 0, 0);
  }

  dots(x, y, labels, colours, alphas, ox, oy, scale) {
    const { pixels } = this, { width, height } = this.image, n = x.length;
    const solid = colours.map((c, i) => ((c & 0xffffff) | (alphas[i] << 24)) >>> 0);
    for (let i = 0; i < n; i++) {
      const px = (ox + scale * x[i]) | 0, py = (oy - scale * y[i]) | 0;
      if (px < 0 || py < 0 || px >= width || py >= height) continue;
      const label = labels === null ? 0 : labels[i];
      if (alphas[label]) pixels[py * width + px] = solid[label];
    }
  }

  discs(x, y, labels, colours, alphas, ox, oy, scale, stamp) {
    const { pixels } = this, { width, height } = this.image, n = x.length, m = stamp.length;
    const reach = stamp.reduce((r, s) => Math.max(r, s[0]), 0);
    const offsets = Int32Array.from(stamp, (s) => s[1] * width + s[0]), covers = Int32Array.from(stamp, (s) => s[2]);
    for (let i = 0; i < n; i++) {
      const px = Math.round(ox + scale * x[i]), py = Math.round(oy - scale * y[i]);
      if (px < reach || py < reach || px >= width - reach || py >= height - reach) continue;
      const label = labels === null ? 0 : labels[i], solid = alphas[label];
      if (!solid) continue;
      const colour = colours[label] & 0xffffff, at = py * width + px;
      for (let k = 0; k < m; k++) {
        const to = at + offsets[k], alpha = covers[k] === 255 ? solid : (covers[k] * solid) >> 8, under = pixels[to];
        if (alpha >= 250 || under === 0) { pixels[to] = (colour | (alpha << 24)) >>> 0; continue; }
        // Over what is there: colours are mixed, opacity adds up.
        const share = Math.max(alpha, (alpha * 255) / ((under >>> 24) + alpha)) | 0, rest = 255 - share;
        const r = (share * (colour & 255) + rest * (under & 255)) >> 8;
        const g = (share * ((colour >> 8) & 255) + rest * ((under >> 8) & 255)) >> 8;
        const b = (share * ((colour >> 16) & 255) + rest * ((under >> 16) & 255)) >> 8;
        const a = Math.min(255, (under >>> 24) + ((alpha * (255 - (under >>> 24))) >> 8));
        pixels[to] = ((a << 24) | (b << 16) | (g << 8) | r) >>> 0;
      }
    }
  }

  /** How dense the shown points lie, as one colour growing stronger. */
  density(x, y, labels, alphas, { ox, oy, scale, ratio }) {
    const { width, height } = this.canvas, cell = 3 * ratio, w = Math.ceil(width / cell), h = Math.ceil(height / cell);
    let grid = new Float32Array(w * h), spare = new Float32Array(w * h);
    for (let i = 0; i < x.length; i++) {
      if (!alphas[labels === null ? 0 : labels[i]]) continue;
      const px = Math.floor((ox + scale * x[i]) / cell), py = Math.floor((oy - scale * y[i]) / cell);
      if (px >= 0 && py >= 0 && px < w && py < h) grid[py * w + px]++;
    }
    // Three box averages each way are close to a Gaussian.
    for (let pass = 0; pass < 3; pass++) {
      blur(grid, spare, w, h, 1, w); blur(spare, grid, h, w, w, 1);
    }
    let most = 0;
    for (const v of grid) most = Math.max(most, v);
    const small = new OffscreenCanvas(w, h), ctx = small.getContext("2d"), image = ctx.createImageData(w, h);
    const [r, g, b] = rgb(css("--density"));
    for (let i = 0; i < grid.length; i++) {
      const level = Math.round(10 * Math.sqrt(grid[i] / (most || 1))) / 10;
      image.data.set([r, g, b, 235 * level], 4 * i);
    }
    ctx.putImageData(image, 0, 0);
    this.ctx.clearRect(0, 0, width, height);
    this.ctx.imageSmoothingEnabled = true;
    this.ctx.drawImage(small, 0, 0, w * cell, h * cell);
  }
}

/** A running mean of five along one direction of a grid. */
function blur(from, to, length, lines, step, stride) {
  const reach = 2;
  for (let line = 0; line < lines; line++) {
    const base = line * stride;
    let sum = 0;
    for (let i = 0; i < Math.min(reach, length); i++) sum += from[base + i * step];
    for (let i = 0; i < length; i++) {
      if (i + reach < length) sum += from[base + (i + reach) * step];
      if (i - reach - 1 >= 0) sum -= from[base + (i - reach - 1) * step];
      to[base + i * step] = sum / (2 * reach + 1);
    }
  }
}
