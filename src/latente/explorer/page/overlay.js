// What lies over the points: axes, class names, the chosen example with its uncertainty, ends of a walk, the pointer.

/** Round steps for ticks: about one every so many pixels. */
function tickStep(scale, apart = 90) {
  const rough = apart / scale, power = 10 ** Math.floor(Math.log10(rough)), lead = rough / power;
  return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

function drawGrid(ctx, chart) {
  const step = tickStep(chart.scale), [left, top] = chart.place(0, 0), [right, bottom] = chart.place(chart.width, chart.height);
  ctx.strokeStyle = css("--grid");
  ctx.lineWidth = 1;
  for (let k = Math.ceil(left / step); k * step <= right; k++) {
    const x = Math.round(chart.screen([k * step, 0])[0]) + 0.5;
    ctx.globalAlpha = k === 0 ? 1 : 0.55;
    ctx.beginPath(); ctx.moveTo(x, 0); ctx.lineTo(x, chart.height); ctx.stroke();
  }
  for (let k = Math.ceil(bottom / step); k * step <= top; k++) {
    const y = Math.round(chart.screen([0, k * step])[1]) + 0.5;
    ctx.globalAlpha = k === 0 ? 1 : 0.55;
    ctx.beginPath(); ctx.moveTo(0, y); ctx.lineTo(chart.width, y); ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

function haloed(ctx, text, x, y, colour) {
  ctx.lineJoin = "round";
  ctx.lineWidth = 3.5;
  ctx.strokeStyle = css("--map");
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}

function drawTicks(ctx, chart) {
  if (chart.projection.snaps) return;
  const step = tickStep(chart.scale), digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const [left, top] = chart.place(0, 0), [right, bottom] = chart.place(chart.width, chart.height), soft = css("--soft");
  ctx.font = `11px ${FONT}`;
  ctx.textAlign = "center"; ctx.textBaseline = "alphabetic";
  for (let k = Math.ceil(left / step); k * step <= right; k++) {
    const x = chart.screen([k * step, 0])[0];
    if (x > 34 && x < chart.width - 70) haloed(ctx, num(k * step, digits), x, chart.height - 7, soft);
  }
  ctx.textAlign = "left"; ctx.textBaseline = "middle";
  if (chart.projection.names[1]) {
    for (let k = Math.ceil(bottom / step); k * step <= top; k++) {
      const y = chart.screen([0, k * step])[1];
      if (y > 30 && y < chart.height - 26) haloed(ctx, num(k * step, digits), 7, y, soft);
    }
  }
  ctx.font = `600 12px ${FONT}`;
  ctx.textAlign = "right"; ctx.textBaseline = "alphabetic";
  haloed(ctx, `${chart.projection.names[0]} →`, chart.width - 9, chart.height - 7, css("--ink"));
  ctx.textAlign = "left"; ctx.textBaseline = "top";
  if (chart.projection.names[1]) haloed(ctx, `↑ ${chart.projection.names[1]}`, 8, 8, css("--ink"));
}

/** Each class's name where the middle of its points lies: colours alone tell nobody what they mean. */
function drawNames(ctx, chart) {
  const names = paintOf(chart.side).field?.names ?? [];
  if (!names.length || names.length > 30) return;
  ctx.font = `700 14px ${FONT}`;
  ctx.textAlign = "center"; ctx.textBaseline = "middle";
  chart.middles().forEach((middle, label) => {
    if (!middle) return;
    const [x, y] = chart.screen(middle), name = names[label];
    if (x < 0 || y < 0 || x > chart.width || y > chart.height) return;
    haloed(ctx, name.length > 14 ? `${name.slice(0, 13)}…` : name, x, y, css("--ink"));
  });
}

function drawMark(ctx, [x, y], text, { fill, ink = "#fff", radius = 10 }) {
  ctx.beginPath(); ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fillStyle = fill; ctx.fill();
  ctx.lineWidth = 2; ctx.strokeStyle = css("--map"); ctx.stroke();
  ctx.font = `700 ${radius + 2}px ${FONT}`;
  ctx.textAlign = "center"; ctx.textBaseline = "middle";
  ctx.fillStyle = ink; ctx.fillText(text, x, y + 0.5);
}

/** One and two standard deviations of q(z | x) about its mean. */
function drawSpread(ctx, chart, centre, variance) {
  if (!variance || !chart.projection.spread) return;
  const { long, short, angle } = ellipse(chart.projection.spread(variance)), [x, y] = chart.screen(centre);
  for (const times of [1, 2]) {
    ctx.beginPath();
    ctx.ellipse(x, y, times * long * chart.scale, times * short * chart.scale, -angle, 0, 2 * Math.PI);
    ctx.strokeStyle = css("--map"); ctx.lineWidth = 4; ctx.stroke();
    ctx.strokeStyle = css("--accent"); ctx.lineWidth = 1.75; ctx.setLineDash(times === 2 ? [5, 4] : []); ctx.stroke();
    ctx.setLineDash([]);
  }
}

/** The walk between a and b, as it lies on the map. */
function drawWalk(ctx, chart, ends) {
  if (ends.a && ends.b && !chart.projection.snaps) {
    ctx.beginPath();
    for (let k = 0; k <= 48; k++) {
      const [x, y] = chart.screen(chart.projection.to(interpolate(ends.a, ends.b, k / 48, view.path)));
      if (k) ctx.lineTo(x, y); else ctx.moveTo(x, y);
    }
    ctx.strokeStyle = css("--map"); ctx.lineWidth = 5; ctx.stroke();
    ctx.strokeStyle = css("--ink"); ctx.lineWidth = 2; ctx.stroke();
  }
  for (const key of ["a", "b", "c"]) {
    if (ends[key]) drawMark(ctx, chart.screen(chart.projection.to(ends[key])), key.toUpperCase(), { fill: css("--ink"), ink: css("--map") });
  }
}

/** The place that is decoded: a ring with a cross, seen on any ground. */
function drawPointer(ctx, [x, y]) {
  for (const [width, colour] of [[5, css("--map")], [2.25, css("--accent")]]) {
    ctx.lineWidth = width; ctx.strokeStyle = colour;
    ctx.beginPath(); ctx.arc(x, y, 11, 0, 2 * Math.PI); ctx.stroke();
    ctx.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) { ctx.moveTo(x + 5 * dx, y + 5 * dy); ctx.lineTo(x + 17 * dx, y + 17 * dy); }
    ctx.stroke();
  }
}

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif';

function drawOverlay(ctx, chart) {
  const { side } = chart, chosen = side.chosen;
  ctx.clearRect(0, 0, chart.width, chart.height);
  drawTicks(ctx, chart);
  if (view.look === "points" || view.look === "density") drawNames(ctx, chart);
  if (chosen !== null) drawSpread(ctx, chart, chart.point(chosen), varianceOf(side.scene, chosen));
  if (view.tab === "between") drawWalk(ctx, chart, endCodes(side));
  if (side.landed) {
    const place = chart.projection.to(side.landed.mean);
    drawSpread(ctx, chart, place, side.landed.variance);
    drawMark(ctx, chart.screen(place), "✎", { fill: css("--accent"), ink: css("--on-accent"), radius: 11 });
  }
  if (chart.hovered !== null && chart.hovered >= 0) {
    const [x, y] = chart.screen(chart.point(chart.hovered));
    ctx.beginPath(); ctx.arc(x, y, 7, 0, 2 * Math.PI);
    ctx.lineWidth = 4; ctx.strokeStyle = css("--map"); ctx.stroke();
    ctx.lineWidth = 2; ctx.strokeStyle = css("--ink"); ctx.stroke();
  }
  if (chart.trail?.length > 1) {
    ctx.beginPath();
    pathOf(chart.trail, view.mode).forEach(([x, y], i) => { if (i) ctx.lineTo(x, y); else ctx.moveTo(x, y); });
    ctx.closePath();
    ctx.globalAlpha = 0.12; ctx.fillStyle = css("--accent"); ctx.fill();
    ctx.globalAlpha = 1; ctx.lineWidth = 1.75; ctx.setLineDash([5, 4]); ctx.strokeStyle = css("--accent"); ctx.stroke(); ctx.setLineDash([]);
  }
  if (side.z) drawPointer(ctx, chart.screen(chart.projection.to(side.z)));
}
