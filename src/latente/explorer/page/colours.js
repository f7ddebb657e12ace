// What colours mean and which points are shown: by any column of the examples, with a filter of each.

/** Steps of the scale of a number's colours. */
const STEPS = 48;

/** Scales of rising lightness on a light page and on a dark one, which any colour vision reads (after plasma, matplotlib). */
const SCALES = {
  light: ["#0d0887", "#5b02a3", "#9a179b", "#cb4678", "#eb7852", "#f2a33c"],
  dark: ["#5f4bd8", "#9440c4", "#c9478f", "#ee7357", "#fca636", "#f4f53a"],
};
function scaleColour(share) {
  const stops = SCALES[isDark() ? "dark" : "light"], at = clamp(share, 0, 1) * (stops.length - 1), i = Math.min(stops.length - 2, Math.floor(at));
  const part = (k, c) => parseInt(stops[k].slice(1 + 2 * c, 3 + 2 * c), 16);
  return `rgb(${[0, 1, 2].map((c) => Math.round(part(i, c) + (at - i) * (part(i + 1, c) - part(i, c)))).join(" ")})`;
}

/** The columns of a scene's examples, each {id, title, values, names} or {id, title, values, low, high}. */
function fieldsOfScene(scene) {
  const { meta, arrays } = scene;
  if (!scene.columns) {
    scene.columns = (meta.fields ?? []).map((field, k) => {
      const { data } = arrays[`field-${k}`], id = field.name ? `f${k}` : field.key;
      if (field.names) return { id, key: field.key, name: field.name, values: data, names: field.names };
      const sorted = Array.from(data).filter(Number.isFinite).sort((a, b) => a - b), at = (share) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
      return { id, key: field.key, name: field.name, values: data, low: at(0.01), high: Math.max(at(0.99), at(0.01) + 1e-6), ends: [at(0), at(1)] };
    });
    if (arrays.labels) scene.columns.unshift({ id: "label", key: "label", values: arrays.labels.data, names: meta.classes });
  }
  return session.own && session.own.fingerprint === fingerprintOf(scene) ? [...scene.columns, session.own] : scene.columns;
}

/** Which examples a scene has: those with the same are the same, in the same order. */
const fingerprintOf = ({ meta }) => `${meta.fingerprint} ${meta.split}`;

const titleOf = (field) => field.name || t(`colour.${field.key}`);

/** The column by which the map is coloured now; null: all points alike. */
const fieldNow = (scene) => fieldsOfScene(scene).find((field) => field.id === view.colour) ?? null;

/** What of a column is hidden: {hidden: Set} of names, or {low, high}. */
function filterOf(field) {
  if (!session.filters.has(field.id)) session.filters.set(field.id, field.names ? { hidden: new Set() } : { low: -Infinity, high: Infinity });
  return session.filters.get(field.id);
}

const isActive = (filter) => (filter.hidden ? filter.hidden.size > 0 : filter.low > -Infinity || filter.high < Infinity);

/** 1 for every example that all filters show. */
function shownMask(scene) {
  const { n } = scene.meta, mask = new Uint8Array(n).fill(1);
  for (const field of fieldsOfScene(scene)) {
    const filter = session.filters.get(field.id), { values } = field;
    if (!filter || !isActive(filter)) continue;
    if (filter.hidden) { for (let i = 0; i < n; i++) if (filter.hidden.has(values[i])) mask[i] = 0; }
    // What has no number lies in no range.
    else for (let i = 0; i < n; i++) if (!(values[i] >= filter.low && values[i] <= filter.high)) mask[i] = 0;
  }
  return mask;
}

/**
 * How the points of a side are painted: for each the number of its colour; colours; names of categories. Numbers from
 * `plain` on are those of points that are shown but not selected, `none` is what is hidden.
 */
function paintOf(side) {
  if (side.paint) return side.paint;
  const { scene } = side, { n } = scene.meta, field = fieldNow(scene), count = field ? field.names?.length ?? STEPS : 1;
  const plain = count + 1, none = 2 * plain, labels = new Uint16Array(n), mask = shownMask(scene), selected = selectedIn(scene);
  for (let i = 0; i < n; i++) {
    let own = 0;
    if (field) {
      const v = field.values[i];
      own = field.names ? (v < count ? v : count) : Number.isNaN(v) ? count : clamp(Math.floor((STEPS * (v - field.low)) / (field.high - field.low)), 0, STEPS - 1);
    }
    labels[i] = !mask[i] ? none : selected && !selected[i] ? own + plain : own;
  }
  const colours = Array.from({ length: count }, (_, i) => (!field ? css("--point") : field.names ? classColour(i, count) : scaleColour((i + 0.5) / STEPS)));
  colours.push(css("--soft"));
  side.paint = { field, count, plain, none, labels, mask, colours: [...colours, ...colours, css("--soft")] };
  return side.paint;
}

/** After a colour, a filter, the selection or the theme changed. */
function repaint() {
  for (const side of sides) side.paint = null;
  for (const chart of session.charts) { chart.middle = null; chart.redraw(); }
}

/** What colours mean: names and colours of what is shown. */
function legendEntries() {
  const { field, colours } = paintOf(sides[0]);
  if (!field) return [];
  if (field.names) return field.names.length < 2 ? [] : field.names.map((name, i) => ({ name, colour: colours[i], i })).filter(({ i }) => !filterOf(field).hidden.has(i));
  return [0, 0.25, 0.5, 0.75, 1].map((share) => ({ name: `${share ? "" : `${titleOf(field)}: `}${num(field.low + share * (field.high - field.low), digitsOf(field))}`, colour: scaleColour(share) }));
}

const digitsOf = ({ low, high }) => clamp(2 - Math.floor(Math.log10(Math.max(1e-9, high - low))), 0, 4);

/** The choice of a column, and what its colours mean: a chip for each category, or a scale with its two ends. */
function fillLegend() {
  const scene = sides[0]?.scene, root = $("legend");
  $("colour-field").hidden = !scene;
  root.hidden = !scene;
  if (!scene) { root.replaceChildren(); return; }
  const all = fieldsOfScene(scene);
  if (view.colour !== "none" && !all.some((field) => field.id === view.colour)) view.colour = all.some((field) => field.id === "label") ? "label" : "none";
  $("colour").replaceChildren(el("option", { value: "none", text: t("colour.none") }), ...all.map((field) => el("option", { value: field.id, text: titleOf(field) })));
  $("colour").value = view.colour;
  $("colour-field").hidden = !all.length;
  const field = fieldNow(scene), others = all.filter((one) => one !== field && session.filters.has(one.id) && isActive(filterOf(one)));
  const rest = others.length ? [el("button", { type: "button", class: "plain", id: "filters", text: t("colour.filters", { names: others.map(titleOf).join(", ") }), onclick: () => { for (const one of others) session.filters.delete(one.id); filtered(); fillLegend(); } })] : [];
  if (field?.names) root.replaceChildren(...chipsOf(field), ...rest);
  else if (field) root.replaceChildren(...scaleOf(field), ...rest);
  else root.replaceChildren(...rest);
  root.hidden = !root.children.length;
}

/** After a filter changed. */
function filtered() {
  repaint();
  emit("filtered");
  saveAddress();
}

function chipsOf(field) {
  if (field.names.length < 2 && field.id !== "own") return [];
  const { hidden } = filterOf(field), root = $("legend");
  const show = () => {
    [...root.querySelectorAll(".class")].forEach((chip, i) => chip.setAttribute("aria-pressed", String(!hidden.has(i))));
    filtered();
  };
  const point = (label) => { session.pointed = label; for (const chart of session.charts) chart.redraw(); };
  const chips = field.names.map((name, i) => {
    const dot = el("span", { class: "dot", "aria-hidden": "true" });
    dot.style.background = classColour(i, field.names.length);
    return el("button", {
      type: "button", class: "chip class", "aria-pressed": String(!hidden.has(i)),
      onclick: () => { if (!hidden.delete(i)) hidden.add(i); point(null); show(); },
      onpointerenter: (event) => { if (event.pointerType === "mouse" && !hidden.has(i)) point(i); }, onpointerleave: () => point(null),
    }, dot, el("span", { text: name }));
  });
  const set = (all) => { hidden.clear(); for (const i of all) hidden.add(i); show(); };
  return [...chips,
    el("button", { type: "button", class: "plain", text: t("map.all"), onclick: () => set([]) }),
    el("button", { type: "button", class: "plain", text: t("map.nothing"), onclick: () => set(field.names.keys()) })];
}

function scaleOf(field) {
  const filter = filterOf(field), [from, to] = field.ends, bar = el("span", { class: "scale", "aria-hidden": "true" });
  bar.style.background = `linear-gradient(90deg, ${[0, 0.2, 0.4, 0.6, 0.8, 1].map(scaleColour).join(", ")})`;
  const end = (key, fallback) => {
    const input = el("input", {
      type: "number", id: `range-${key}`, step: "any", value: Number((Number.isFinite(filter[key]) ? filter[key] : fallback).toPrecision(5)), "aria-label": t(`colour.${key}`, { name: titleOf(field) }),
      onchange: () => {
        const value = input.valueAsNumber;
        // An end that is the column's own hides nothing.
        filter[key] = !Number.isFinite(value) || (key === "low" ? value <= from : value >= to) ? (key === "low" ? -Infinity : Infinity) : value;
        filtered();
      },
    });
    return input;
  };
  const low = end("low", Math.floor(from * 1e4) / 1e4), high = end("high", Math.ceil(to * 1e4) / 1e4);
  return [el("span", { class: "soft", text: titleOf(field) }), el("span", { class: "soft", text: num(field.low, digitsOf(field)) }), bar,
    el("span", { class: "soft", text: num(field.high, digitsOf(field)) }), el("span", { class: "soft", t: "colour.shown" }), low, el("span", { class: "soft", text: "–" }), high,
    el("button", { type: "button", class: "plain", text: t("map.all"), onclick: () => { session.filters.delete(field.id); filtered(); fillLegend(); } })];
}
