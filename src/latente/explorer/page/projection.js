// From codes to the map and back: two latents, the first principal axes, or a saved UMAP.

/** A view of a scene: x, y of every point; to(z) → [x, y]; lift([x, y], z) → the code there that differs least from z. */
function makeProjection(scene, kind, first, second) {
  const found = projectionOf(scene, kind, first, second);
  if (!scene.arrays.book) return found;
  return { ...found, lift: (place, z) => snapped(scene, found.lift(place, z)) };
}

function projectionOf(scene, kind, first, second) {
  const { d, n } = scene.meta, codes = scene.arrays.codes.data, x = new Float32Array(n), y = new Float32Array(n);
  if (kind === "umap" && scene.arrays.umap) {
    const flat = scene.arrays.umap.data;
    for (let i = 0; i < n; i++) { x[i] = flat[2 * i]; y[i] = flat[2 * i + 1]; }
    const to = (z) => { const i = nearestCode(scene, z); return [x[i], y[i]]; };
    // UMAP has no way back: a place stands for the example nearest to it.
    const lift = ([px, py]) => codeOf(scene, nearestOf(x, y, px, py));
    return { kind, x, y, to, lift, snaps: true, names: ["UMAP 1", "UMAP 2"], spread: null };
  }
  if (kind === "pca" && d >= 2) {
    const centre = scene.arrays.centre.data, axes = scene.arrays.axes.data, share = scene.arrays.share.data;
    const along = (z, at, axis) => { let sum = 0; for (let j = 0; j < d; j++) sum += (z[at + j] - centre[j]) * axes[axis * d + j]; return sum; };
    for (let i = 0; i < n; i++) { x[i] = along(codes, i * d, 0); y[i] = along(codes, i * d, 1); }
    const to = (z) => [along(z, 0, 0), along(z, 0, 1)];
    const lift = ([px, py], z) => {
      const [zx, zy] = to(z);
      return Float32Array.from(z, (v, j) => v + (px - zx) * axes[j] + (py - zy) * axes[d + j]);
    };
    const spread = (variance) => {
      let xx = 0, xy = 0, yy = 0;
      for (let j = 0; j < d; j++) { xx += variance[j] * axes[j] ** 2; xy += variance[j] * axes[j] * axes[d + j]; yy += variance[j] * axes[d + j] ** 2; }
      return [xx, xy, yy];
    };
    const names = [0, 1].map((i) => t("map.component", { number: i + 1, share: num(100 * share[i], 0) }));
    return { kind, x, y, to, lift, names, spread };
  }
  const i = clamp(first, 0, d - 1), j = clamp(second, 0, d - 1), single = d === 1;
  // One latent has no second axis: there its points are spread at random, the same way every time.
  const draw = uniform(7);
  for (let k = 0; k < n; k++) { x[k] = codes[k * d + i]; y[k] = single ? draw() - 0.5 : codes[k * d + j]; }
  const to = (z) => [z[i], single ? 0 : z[j]];
  const lift = ([px, py], z) => { const out = Float32Array.from(z); out[i] = px; if (!single && j !== i) out[j] = py; return out; };
  const spread = (variance) => [variance[i], 0, single ? 0 : variance[j]];
  return { kind: "latents", x, y, to, lift, names: [latentName(i), single ? "" : latentName(j)], spread };
}

const latentName = (i) => `z${[...String(i + 1)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("")}`;

const codeOf = (scene, i) => scene.arrays.codes.data.slice(i * scene.meta.d, (i + 1) * scene.meta.d);

/** The example whose code is nearest to z. */
function nearestCode(scene, z) {
  const { n, d } = scene.meta, codes = scene.arrays.codes.data;
  let best = 0, least = Infinity;
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0, at = i * d; j < d && sum < least; j++) sum += (codes[at + j] - z[j]) ** 2;
    if (sum < least) { least = sum; best = i; }
  }
  return best;
}

/** The point nearest to a place, among those that are shown; −1 where none is within reach. */
function nearestOf(x, y, px, py, shown = null, reach = Infinity) {
  let best = -1, least = reach * reach;
  for (let i = 0; i < x.length; i++) {
    const sum = (x[i] - px) ** 2 + (y[i] - py) ** 2;
    if (sum < least && (shown === null || shown(i))) { least = sum; best = i; }
  }
  return best;
}

/** Which two latents to show first: the two that carry most. */
function startingAxes(meta) {
  const two = meta.order.slice(0, 2).sort((a, b) => a - b);
  return two.length === 2 ? two : [0, 0];
}

/** An example to begin with, and its code: a typical one of the class that lies furthest from all others, else the first. */
function startingExample(scene) {
  const { meta: { n, d, classes }, arrays } = scene, codes = arrays.codes.data, labels = arrays.labels?.data, of = (i) => ({ chosen: i, z: codeOf(scene, i), context: contextOf(scene, i) });
  if (!labels || classes.length < 2) return of(0);
  const means = classes.map(() => new Float64Array(d)), counts = classes.map(() => 0);
  for (let i = 0; i < n; i++) { counts[labels[i]]++; for (let j = 0; j < d; j++) means[labels[i]][j] += codes[i * d + j]; }
  const there = classes.map((_, k) => k).filter((k) => counts[k]);
  for (const k of there) means[k].forEach((v, j) => { means[k][j] = v / counts[k]; });
  const apart = (a, b) => means[a].reduce((sum, v, j) => sum + (v - means[b][j]) ** 2, 0);
  const alone = (k) => Math.min(...there.filter((other) => other !== k).map((other) => apart(k, other)));
  const [label] = [...there].sort((a, b) => alone(b) - alone(a));
  let best = 0, least = Infinity;
  for (let i = 0; i < n; i++) {
    if (labels[i] !== label) continue;
    let sum = 0;
    for (let j = 0; j < d; j++) sum += (codes[i * d + j] - means[label][j]) ** 2;
    if (sum < least) { least = sum; best = i; }
  }
  return of(best);
}

/** Semi-axes and angle of the ellipse of one standard deviation from a covariance [xx, xy, yy]. */
function ellipse([xx, xy, yy]) {
  const middle = (xx + yy) / 2, half = Math.hypot((xx - yy) / 2, xy);
  return { long: Math.sqrt(middle + half), short: Math.sqrt(Math.max(0, middle - half)), angle: 0.5 * Math.atan2(2 * xy, xx - yy) };
}

/** σ² of an example's code, from the steps that the scene holds; null where the posterior has none. */
function varianceOf(scene, index) {
  if (!scene.arrays.spread) return null;
  const [low, high] = scene.meta.spread, { d } = scene.meta, steps = scene.arrays.spread.data;
  return Float32Array.from({ length: d }, (_, j) => Math.exp(2 * (low + (steps[index * d + j] / 255) * (high - low))));
}

/** A share of the way from a to b as a code that the decoder knows. */
const between = (scene, a, b, share, path) => (share === 0 ? a : share === 1 ? b : snapped(scene, interpolate(a, b, share, path)));

/** A share of the way from a to b: straight, or along the arc between them (slerp; Shoemake 1985). */
function interpolate(a, b, share, path) {
  if (path === "spherical") {
    const la = Math.hypot(...a), lb = Math.hypot(...b);
    const dot = a.reduce((sum, v, i) => sum + v * b[i], 0) / Math.max(la * lb, 1e-12), angle = Math.acos(clamp(dot, -1, 1));
    if (angle > 1e-4 && angle < Math.PI - 1e-4) {
      const wa = Math.sin((1 - share) * angle) / Math.sin(angle), wb = Math.sin(share * angle) / Math.sin(angle);
      return Float32Array.from(a, (v, i) => wa * v + wb * b[i]);
    }
  }
  return Float32Array.from(a, (v, i) => (1 - share) * v + share * b[i]);
}
