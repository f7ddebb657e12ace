// Examples on canvases: images pixel for pixel, anything else as bars; errors; drawings and files made into examples.

const sizeOf = (meta) => meta.shape.reduce((a, b) => a * b, 1);

/** A canvas that an example is painted on, with a text for those who do not see it; none where words beside it do. */
function frame(classes, label) {
  // Square until it is painted on, so that nothing moves when it is.
  const canvas = el("canvas", { class: `picture ${classes}`, width: 28, height: 28 });
  describe(canvas, label);
  return canvas;
}

function describe(canvas, label) {
  if (label) {
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    canvas.removeAttribute("aria-hidden");
  } else canvas.setAttribute("aria-hidden", "true");
}

/** Paint an example (bytes of an image, or values) on a canvas; null empties it. */
function paintExample(canvas, meta, drawn, beside = null) {
  if (!meta.image) { paintBars(canvas, meta, drawn, beside); return; }
  const [h, w, channels = 1] = meta.shape;
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  const ctx = canvas.getContext("2d", { willReadFrequently: true });
  if (!drawn) { ctx.clearRect(0, 0, w, h); return; }
  const image = ctx.createImageData(w, h), out = image.data;
  for (let i = 0; i < w * h; i++) {
    for (let c = 0; c < 3; c++) out[4 * i + c] = drawn[channels * i + (channels === 3 ? c : 0)];
    out[4 * i + 3] = 255;
  }
  ctx.putImageData(image, 0, 0);
}

function paintBars(canvas, meta, values, beside = null) {
  if (meta.columns && canvas.classList.contains("large")) { paintColumns(canvas, meta, values, beside); return; }
  const n = sizeOf(meta), width = 240, height = 160;
  canvas.classList.add("bars");
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const ctx = canvas.getContext("2d");
  ctx.clearRect(0, 0, width, height);
  if (!values) return;
  const [low, high] = meta.range, zero = height * clamp(high / (high - low), 0, 1);
  ctx.fillStyle = css("--link");
  for (let i = 0; i < n; i++) {
    const top = height * clamp((high - values[i]) / (high - low), 0, 1);
    ctx.fillRect((i * width) / n, Math.min(top, zero), Math.max(1, (0.8 * width) / n), Math.max(1, Math.abs(top - zero)));
  }
}

/**
 * Columns of a table by name, each with its value in the data's unit and a bar within what the training part has;
 * beside it, and as a mark on the bar, the value of another example.
 */
function paintColumns(canvas, meta, values, beside) {
  const { columns } = meta, row = 40, width = 640, height = row * columns.length;
  canvas.classList.add("bars", "columns");
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const ctx = canvas.getContext("2d");
  ctx.clearRect(0, 0, width, height);
  if (!values) return;
  const [ink, soft, ground, bar] = ["--ink", "--soft", "--grid", "--link"].map(css), said = [];
  ctx.textBaseline = "middle";
  columns.forEach(({ name, low, high, multiplier, offset, categories }, i) => {
    const y = row * i + row / 2, digits = clamp(2 - Math.floor(Math.log10(Math.max(1e-9, Math.abs(high - low)))), 0, 3);
    const unit = (v) => (v - offset) / multiplier, at = (v) => 210 * clamp((unit(v) - low) / (high - low || 1), 0, 1);
    const textOf = (v) => (Number.isNaN(v) ? "?" : categories?.[clamp(Math.round(unit(v)), 0, categories.length - 1)] ?? num(unit(v), digits));
    ctx.font = `22px ${FONT}`;
    ctx.textAlign = "left"; ctx.fillStyle = ink;
    ctx.fillText(clipped(ctx, name, 190), 4, y);
    ctx.textAlign = "right";
    ctx.fillText(clipped(ctx, textOf(values[i]), 100), 526, y);
    ctx.fillStyle = soft;
    if (beside) ctx.fillText(clipped(ctx, textOf(beside[i]), 100), 636, y);
    said.push(`${name}: ${textOf(values[i])}`);
    if (categories) return;
    ctx.fillStyle = ground; ctx.fillRect(206, y - 5, 210, 10);
    ctx.fillStyle = bar; ctx.fillRect(206, y - 5, Math.max(2, at(values[i])), 10);
    if (beside) { ctx.fillStyle = ink; ctx.fillRect(206 + at(beside[i]) - 2, y - 11, 4, 22); }
  });
  // Numbers are read out too.
  canvas.dataset.values = said.join("; ");
}

function clipped(ctx, text, width) {
  if (ctx.measureText(text).width <= width) return text;
  let end = text.length;
  while (end && ctx.measureText(`${text.slice(0, end)}…`).width > width) end--;
  return `${text.slice(0, end)}…`;
}

/** |x − x̂| of two examples as drawn, from the page's colour to the colour of what is wrong. */
function paintError(canvas, meta, x, rebuilt) {
  if (!meta.image) { paintBars(canvas, meta, x.map((v, i) => Math.abs(v - rebuilt[i]))); return; }
  const [h, w, channels = 1] = meta.shape;
  canvas.width = w; canvas.height = h;
  const ctx = canvas.getContext("2d"), image = ctx.createImageData(w, h), out = image.data;
  for (let i = 0; i < w * h; i++) {
    let error = 0;
    for (let c = 0; c < channels; c++) error += Math.abs(x[channels * i + c] - rebuilt[channels * i + c]) / (255 * channels);
    const [r, g, b] = heat(error);
    out.set([r, g, b, 255], 4 * i);
  }
  ctx.putImageData(image, 0, 0);
}

/** A scale of rising lightness, which any colour vision reads: black, purple, orange, pale yellow. */
const HEAT = [[8, 8, 14], [70, 18, 96], [150, 38, 96], [221, 81, 58], [249, 158, 40], [252, 253, 200]];
function heat(share) {
  const at = clamp(share, 0, 1) * (HEAT.length - 1), i = Math.min(HEAT.length - 2, Math.floor(at));
  return HEAT[i].map((v, c) => v + (at - i) * (HEAT[i + 1][c] - v));
}

/** Root mean squared difference of two examples as drawn, in model values. */
function rootError(meta, a, b) {
  const unit = meta.image ? (meta.range[1] - meta.range[0]) / 255 : 1;
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return unit * Math.sqrt(sum / a.length);
}

/** Bytes as drawn to the values that the model takes. */
function modelValues(meta, drawn) {
  const [low, high] = meta.range;
  return Float32Array.from(drawn, meta.image ? (v) => low + (v / 255) * (high - low) : (v) => v);
}

/** An RGBA image as planes of 0..255 on the data's background; the colours turned over if they must be to match it. */
function planes(source, meta) {
  const channels = meta.shape[2] === 3 ? 3 : 1, n = source.width * source.height, ground = meta.dark ? 0 : 255;
  const out = Array.from({ length: channels }, () => new Float32Array(n));
  for (let i = 0; i < n; i++) {
    const alpha = source.data[4 * i + 3] / 255;
    const [r, g, b] = [0, 1, 2].map((c) => ground + alpha * (source.data[4 * i + c] - ground));
    if (channels === 3) { out[0][i] = r; out[1][i] = g; out[2][i] = b; } else out[0][i] = 0.299 * r + 0.587 * g + 0.114 * b;
  }
  if (channels === 1) {
    let border = 0, count = 0;
    for (let y = 0; y < source.height; y++) {
      for (let x = 0; x < source.width; x++) {
        if (x && y && x < source.width - 1 && y < source.height - 1) continue;
        border += out[0][y * source.width + x]; count++;
      }
    }
    if ((border / count > 127.5) === meta.dark) out[0].forEach((v, i, all) => { all[i] = 255 - v; });
  }
  return out;
}

/** Where the ink is: its box and its centre of mass; null for an empty image. */
function inkOf(plane, width, height, ground) {
  let mass = 0, mx = 0, my = 0, left = width, right = -1, top = height, bottom = -1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const ink = Math.abs(plane[y * width + x] - ground);
      if (ink < 24) continue;
      mass += ink; mx += ink * (x + 0.5); my += ink * (y + 0.5);
      left = Math.min(left, x); right = Math.max(right, x + 1); top = Math.min(top, y); bottom = Math.max(bottom, y + 1);
    }
  }
  return mass ? { x: mx / mass, y: my / mass, size: Math.max(right - left, bottom - top) } : null;
}

const SUB = 6;
/**
 * An image as an example. One of the model's own shape is taken as it is; any other is brought to it by averaging,
 * whole, or, where it is to be centred, as MNIST was made: the ink 20 of 28 pixels long, its mass in the middle.
 */
function toExample(source, meta, centred) {
  const [h, w] = meta.shape, all = planes(source, meta), ground = meta.dark ? 0 : 255;
  const out = new Uint8ClampedArray(h * w * all.length);
  const same = source.width === w && source.height === h;
  let scale = Math.max(source.width / w, source.height / h), ox = source.width / 2, oy = source.height / 2;
  const ink = centred && !same && all.length === 1 ? inkOf(all[0], source.width, source.height, ground) : null;
  if (ink) { scale = ink.size / ((20 / 28) * Math.min(w, h)); ox = ink.x; oy = ink.y; }
  all.forEach((plane, c) => {
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        let sum = 0;
        if (same) sum = plane[y * w + x] * SUB * SUB;
        else {
          for (let k = 0; k < SUB * SUB; k++) {
            const sx = Math.floor(ox + (x + ((k % SUB) + 0.5) / SUB - w / 2) * scale);
            const sy = Math.floor(oy + (y + (Math.floor(k / SUB) + 0.5) / SUB - h / 2) * scale);
            const inside = sx >= 0 && sy >= 0 && sx < source.width && sy < source.height;
            sum += inside ? plane[sy * source.width + sx] : ground;
          }
        }
        out[(y * w + x) * all.length + c] = sum / (SUB * SUB);
      }
    }
  });
  return out;
}
