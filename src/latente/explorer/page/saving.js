// What is seen, as a file: PNG, SVG, and the codes as CSV.

const AS_SHAPES = 60000;

function fileName(ending) {
  const { meta } = sides[0].scene, runs = sides.map((side) => side.scene.meta.run).join("-");
  return `latente-${runs}-${meta.split}.${ending}`.replace(/[^\w.-]+/g, "-");
}

/** The maps and the decoded images as one picture. */
function savePng() {
  const charts = session.charts, ratio = charts[0].ratio, gap = 16, image = 160;
  const width = charts.reduce((sum, c) => sum + c.width + gap, gap), maps = Math.max(...charts.map((c) => c.height));
  const keys = legendRows(width - 2 * gap), height = maps + 4 * gap + image + 22 * keys.length;
  const canvas = el("canvas", { width: Math.round(width * ratio), height: Math.round(height * ratio) }), ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  ctx.fillStyle = css("--page");
  ctx.fillRect(0, 0, width, height);
  let left = gap;
  for (const chart of charts) {
    ctx.fillStyle = css("--map");
    ctx.fillRect(left, gap, chart.width, chart.height);
    for (const layer of [chart.ground, chart.points, chart.over]) ctx.drawImage(layer, left, gap, chart.width, chart.height);
    const { side } = chart, picture = el("canvas");
    if (side.image) {
      paintExample(picture, side.scene.meta, side.image);
      ctx.imageSmoothingEnabled = false;
      ctx.drawImage(picture, left, chart.height + 2 * gap, (image * picture.width) / picture.height, image);
    }
    ctx.fillStyle = css("--ink");
    ctx.font = `13px ${FONT}`;
    const { meta } = side.scene, text = `${session.runs[side.run].name} · ${meta.data} · ${t(`split.${meta.split}`)}`;
    ctx.fillText(text, left + (image * picture.width) / picture.height + 14, chart.height + 2 * gap + 18);
    left += chart.width + gap;
  }
  keys.forEach((row, r) => row.forEach(({ name, colour, x }) => {
    const y = maps + 3 * gap + image + 22 * r + 11;
    ctx.fillStyle = colour;
    ctx.beginPath(); ctx.arc(gap + x + 6, y - 4, 5.5, 0, 2 * Math.PI); ctx.fill();
    ctx.fillStyle = css("--ink");
    ctx.fillText(name, gap + x + 17, y);
  }));
  canvas.toBlob((blob) => download(fileName("png"), blob), "image/png");
}

/** The names of the colours that are shown, in rows of that width at most. */
function legendRows(width) {
  const ctx = new OffscreenCanvas(1, 1).getContext("2d"), rows = [];
  ctx.font = `13px ${FONT}`;
  let x = Infinity;
  for (const { name, colour } of legendEntries()) {
    const wide = ctx.measureText(name).width + 34;
    if (x + wide > width) { rows.push([]); x = 0; }
    rows.at(-1).push({ name, colour, x });
    x += wide;
  }
  return rows;
}

/** All maps side by side as one SVG, with what their colours mean below. */
function svgOfAll() {
  const gap = 16, charts = session.charts, width = charts.reduce((sum, c) => sum + c.width + gap, gap), maps = Math.max(...charts.map((c) => c.height));
  const keys = legendRows(width - 2 * gap), caption = charts.length > 1 ? 24 : 0, height = maps + caption + 2 * gap + 22 * keys.length;
  const root = svg("svg", { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}`, "font-family": FONT, "font-size": 13 });
  root.append(svg("rect", { width, height, fill: css("--page") }));
  let left = gap;
  for (const chart of charts) {
    const inner = svgOf(chart);
    inner.setAttribute("x", left);
    inner.setAttribute("y", gap + caption);
    if (caption) root.append(svg("text", { x: left, y: gap + 12, "font-weight": 600, fill: css("--ink") }, session.runs[chart.side.run].name));
    root.append(inner);
    left += chart.width + gap;
  }
  keys.forEach((row, r) => row.forEach(({ name, colour, x }) => {
    const y = maps + caption + gap + 22 * r + 26;
    root.append(svg("circle", { cx: gap + x + 6, cy: y - 4, r: 5.5, fill: colour }), svg("text", { x: gap + x + 17, y, fill: css("--ink") }, name));
  }));
  return new XMLSerializer().serializeToString(root);
}

/** A map as SVG: points as shapes, or as one picture where they are very many. */
function svgOf(chart) {
  const { side, projection, width, height } = chart, { meta } = side.scene, { labels, colours, field, none, plain } = paintOf(side), alphas = chart.alphas();
  const root = svg("svg", { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}`, "font-family": FONT });
  root.append(svg("title", {}, `${meta.data} · ${meta.run} · ${t(`split.${meta.split}`)}`), svg("rect", { width, height, fill: css("--map") }));
  const picture = (canvas) => svg("image", { href: canvas.toDataURL("image/png"), width, height });
  root.append(picture(chart.ground));
  if (meta.n > AS_SHAPES || view.look === "density") root.append(picture(chart.points));
  else {
    const radius = pointRadius(meta.n, chart.scale / chart.wholeScale);
    for (let label = none - 1; label >= 0; label--) {
      const parts = [];
      for (let i = 0; i < meta.n; i++) {
        if (labels[i] !== label) continue;
        const [x, y] = chart.screen(chart.point(i));
        if (x > -9 && y > -9 && x < width + 9 && y < height + 9) parts.push(`M${x.toFixed(1)} ${y.toFixed(1)}h0`);
      }
      if (!parts.length) continue;
      const path = svg("path", { d: parts.join(""), stroke: colours[label], "stroke-width": (2 * radius).toFixed(1), "stroke-linecap": "round", fill: "none", "stroke-opacity": (alphas[label] / 255).toFixed(2) });
      if (field?.names?.[label % plain]) path.append(svg("title", {}, field.names[label % plain]));
      root.append(path);
    }
  }
  chart.middles().forEach((middle, label) => {
    if (!middle || field.names.length > 30) return;
    const [x, y] = chart.screen(middle);
    root.append(svg("text", { x, y, "text-anchor": "middle", "dominant-baseline": "middle", "font-weight": 700, "font-size": 14, fill: css("--ink"), stroke: css("--map"), "stroke-width": 3.5, "paint-order": "stroke" }, field.names[label]));
  });
  root.append(svg("text", { x: width - 9, y: height - 7, "text-anchor": "end", "font-size": 12, fill: css("--ink") }, `${projection.names[0]} →`));
  if (projection.names[1]) root.append(svg("text", { x: 8, y: 18, "font-size": 12, fill: css("--ink") }, `↑ ${projection.names[1]}`));
  return root;
}

/** A CSV field; what a spreadsheet would take for a formula is marked as text. */
function field(value) {
  const text = /^[=+\-@\t\r]/.test(value) && !Number.isFinite(Number(value)) ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * The codes of what is shown, or of these examples of the first run, with all that is known of each; of two runs one
 * below the other, with the name of the run in front.
 */
function csvText(only = null) {
  const saved = only ? sides.slice(0, 1) : sides, several = saved.length > 1, widest = Math.max(...saved.map((side) => side.scene.meta.d));
  const columns = fieldsOfScene(saved[0].scene).filter((one) => one.id !== "label");
  const lines = [[...(several ? ["run"] : []), "split", "index", "label", ...columns.map((one) => field(one.name || one.key)), ...Array.from({ length: widest }, (_, j) => `z${j + 1}`)].join(",")];
  for (const side of saved) {
    const { meta, arrays } = side.scene, labels = arrays.labels?.data, codes = arrays.codes.data, { n, d } = meta, run = several ? [field(session.runs[side.run].name)] : [];
    const known = columns.map(({ id }) => fieldsOfScene(side.scene).find((one) => one.id === id)), mask = only ? null : shownMask(side.scene);
    for (const i of only ?? Array.from({ length: n }, (_, k) => k)) {
      if (mask && !mask[i]) continue;
      const numbers = Array.from({ length: widest }, (_, j) => (j < d ? Number(codes[i * d + j].toPrecision(9)) : ""));
      const values = known.map((one) => (!one ? "" : one.names ? field(one.names[one.values[i]] ?? "") : Number.isNaN(one.values[i]) ? "" : Number(one.values[i].toPrecision(7))));
      lines.push([...run, meta.split, i, labels ? field(meta.classes[labels[i]]) : "", ...values, ...numbers].join(","));
    }
  }
  return `${lines.join("\n")}\n`;
}

function buildSaving() {
  const menu = $("save");
  const run = (make) => () => { try { make(); } catch (error) { failed(error); } menu.open = false; menu.querySelector("summary").focus(); };
  $("save-png").addEventListener("click", run(savePng));
  $("save-svg").addEventListener("click", run(() => download(fileName("svg"), svgOfAll(), "image/svg+xml")));
  $("save-csv").addEventListener("click", run(() => download(fileName("csv"), csvText(), "text/csv")));
  document.addEventListener("pointerdown", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  menu.addEventListener("keydown", (event) => { if (event.key === "Escape") { menu.open = false; menu.querySelector("summary").focus(); } });
}
