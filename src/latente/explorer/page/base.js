// Small things that everything else uses: elements, words, numbers, random draws, files to download.

const $ = (id) => document.getElementById(id);
const BOOT = JSON.parse($("boot").textContent);
const WORDS = JSON.parse($("words").textContent);
const page = { lang: "en" };

/** The words of that key in the page's language, with {names} filled in. */
function t(key, values = {}) {
  const template = WORDS[page.lang][key] ?? WORDS.en[key] ?? key;
  return template.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** A new element. Text always goes in as text, so that no label or file name is ever taken for HTML. */
function el(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "text") node.textContent = value;
    else if (key === "t") { node.dataset.t = value; node.textContent = t(value); }
    else if (key === "label") { node.dataset.tLabel = value; node.setAttribute("aria-label", t(value)); }
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";
function svg(tag, attributes, text) {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

/** Lines of 18 × 18 units as a picture beside or in place of words. */
function icon(path) {
  const node = svg("svg", { viewBox: "0 0 18 18", class: "icon", "aria-hidden": "true" });
  node.append(svg("path", { d: path }));
  return node;
}

/** Put every marked element's words in the page's language. */
function translate(root = document) {
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-t-label]")) {
    node.setAttribute("aria-label", t(node.dataset.tLabel));
    if (node instanceof HTMLInputElement && node.id === "wanted") node.placeholder = t(node.dataset.tLabel);
  }
}

const formats = new Map();
/** A number in the page's language, with so many decimals. */
function num(value, digits = 2) {
  const key = `${page.lang}${digits}`;
  if (!formats.has(key)) {
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    formats.set(key, new Intl.NumberFormat(page.lang === "pt" ? "pt-BR" : "en", options));
  }
  // What rounds to zero has no sign.
  const whole = Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value;
  return formats.get(key).format(whole).replace("-", "−");
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

/** Reproducible uniform draws in (0, 1) from a seed (mulberry32). */
function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 4294967296;
  };
}

/** Standard normal draws from uniform ones (Box and Muller 1958). */
function normal(draw) {
  let kept = null;
  return () => {
    if (kept !== null) { const value = kept; kept = null; return value; }
    const radius = Math.sqrt(-2 * Math.log(draw())), angle = 2 * Math.PI * draw();
    kept = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

/** Call a function at most once a frame. */
function framed(run) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; run(); });
  };
}

/** Call a function once things have been quiet for so many milliseconds. */
function calmly(run, wait) {
  let timer = 0;
  return (...values) => { clearTimeout(timer); timer = setTimeout(() => run(...values), wait); };
}

function download(name, content, type) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** Say something to a screen reader. */
const say = calmly((text) => { $("said").textContent = text; }, 250);

/** Show a line that something went wrong or was done; it goes away by itself. */
let noticeTimer = 0;
function notice(text, kind = "error") {
  const box = $("notice");
  box.textContent = text;
  box.dataset.kind = kind;
  box.hidden = false;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { box.hidden = true; }, kind === "error" ? 8000 : 2500);
}

const failed = (error) => notice(error instanceof Error ? error.message : String(error));

const listeners = new Map();
function on(topics, run) {
  for (const topic of topics.split(" ")) {
    if (!listeners.has(topic)) listeners.set(topic, []);
    listeners.get(topic).push(run);
  }
}
function emit(topic, value) { for (const run of listeners.get(topic) ?? []) run(value); }

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
