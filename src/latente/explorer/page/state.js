// What is seen, kept in the address: a link reopens it.

const view = {
  run: 0, other: null, split: BOOT.split ?? "validation", projection: null, given: null, first: null, second: null,
  look: "points", behind: null, colour: "label", centre: null, scale: null, z: null, chosen: null, tab: "walk",
  theme: "auto", ends: { a: null, b: null, c: null }, path: "linear", mode: "walk",
};

const short = (value) => String(Number(value.toPrecision(6)));
const numbers = (text) => text.split(",").map(Number);

/** Which parts of the view go into the address, how they are written, and how they are read. */
const PARTS = {
  run: [() => (view.run ? String(view.run) : null), (s) => { view.run = Number(s); }],
  with: [() => (view.other === null ? null : String(view.other)), (s) => { view.other = Number(s); }],
  split: [() => view.split, (s) => { view.split = s; }],
  map: [() => view.projection, (s) => { view.projection = s; }],
  axes: [
    () => (view.first === null ? null : `${view.first},${view.second}`),
    (s) => { [view.first, view.second] = numbers(s); },
  ],
  look: [() => (view.look === "points" ? null : view.look), (s) => { view.look = s; }],
  behind: [() => (view.behind === null ? null : String(Number(view.behind))), (s) => { view.behind = s === "1"; }],
  colour: [() => (view.colour === "label" ? null : view.colour), (s) => { view.colour = s; }],
  // Of the labels.
  hide: [
    () => { const hidden = session.filters.get("label")?.hidden; return hidden?.size ? [...hidden].join(",") : null; },
    (s) => { session.filters.set("label", { hidden: new Set(numbers(s)) }); },
  ],
  // Of the other columns: names hidden, or the two ends of what is shown.
  filter: [
    () => [...session.filters].filter(([id, filter]) => id !== "label" && id !== "own" && isActive(filter))
      .map(([id, filter]) => `${id}:${filter.hidden ? [...filter.hidden].join(".") : `${filter.low}~${filter.high}`}`).join(";") || null,
    (s) => {
      for (const part of s.split(";")) {
        const [id, what = ""] = part.split(":"), ends = what.split("~").map(Number);
        if (ends.length === 2 && !ends.some(Number.isNaN)) session.filters.set(id, { low: ends[0], high: ends[1] });
        else if (/^\d+(\.\d+)*$/.test(what)) session.filters.set(id, { hidden: new Set(what.split(".").map(Number)) });
      }
    },
  ],
  at: [
    () => (view.centre ? [...view.centre, view.scale].map(short).join(",") : null),
    (s) => { const [x, y, scale] = numbers(s); view.centre = [x, y]; view.scale = scale; },
  ],
  z: [() => (view.z ? Array.from(view.z, short).join(",") : null), (s) => { view.z = Float32Array.from(numbers(s)); }],
  given: [() => (view.given?.length ? Array.from(view.given, short).join(",") : null), (s) => { view.given = Float32Array.from(numbers(s)); }],
  example: [() => (view.chosen === null ? null : String(view.chosen)), (s) => { view.chosen = Number(s); }],
  ends: [
    () => (Object.values(view.ends).some((e) => e !== null) ? ["a", "b", "c"].map((k) => view.ends[k] ?? "").join(",") : null),
    (s) => { s.split(",").forEach((v, i) => { view.ends["abc"[i]] = v === "" ? null : Number(v); }); },
  ],
  tab: [() => (view.tab === "walk" ? null : view.tab), (s) => { view.tab = s; }],
  theme: [() => (view.theme === "auto" ? null : view.theme), (s) => { view.theme = s; }],
  lang: [() => page.lang, (s) => { if (WORDS[s]) page.lang = s; }],
};

function address() {
  const parts = Object.entries(PARTS).map(([key, [write]]) => [key, write()]).filter(([, value]) => value !== null);
  return "#" + parts.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&");
}

/** Read the address; what is not a number where one must be is left as it was. */
function readAddress(hash = location.hash) {
  // A place alone is that of no example.
  if (/[#&]z=/.test(hash)) view.chosen = null;
  for (const part of hash.slice(1).split("&")) {
    const at = part.indexOf("="), key = part.slice(0, at);
    if (at < 0 || !Object.hasOwn(PARTS, key)) continue;
    let text;
    try { text = decodeURIComponent(part.slice(at + 1)); } catch { continue; }
    const numeric = ["run", "with", "axes", "hide", "at", "z", "given", "example", "ends"].includes(key);
    if (text.length > 20000 || (numeric && text.split(",").some((v) => !Number.isFinite(Number(v))))) continue;
    PARTS[key][1](text);
  }
  if (!["latents", "pca", "umap"].includes(view.projection)) view.projection = null;
  if (!["points", "density"].includes(view.look)) view.look = "points";
  if (!["auto", "light", "dark"].includes(view.theme)) view.theme = "auto";
}

const saveAddress = calmly(() => {
  // A frame without an address of its own, as in a notebook, cannot change it.
  try { history.replaceState(null, "", address()); } catch { /* the view is then not kept */ }
}, 200);
