// Put the page together, open what the address says, and begin.

const TABS = [
  ["walk", buildSliders], ["tokens", buildTokens], ["between", buildInterpolation], ["draw", buildDraw], ["samples", buildSamples], ["selection", buildSelection], ["compare", buildCompare],
  ["training", buildTraining],
];

function openTab(name, focus = false, tapped = false) {
  const tab = $(`tab-${name}`);
  if (!tab || tab.hidden) return;
  view.tab = name;
  for (const [other] of TABS) {
    $(`tab-${other}`).setAttribute("aria-selected", String(other === name));
    $(`tab-${other}`).tabIndex = other === name ? 0 : -1;
    $(`panel-${other}`).hidden = other !== name;
  }
  if (focus) tab.focus();
  // On a phone the tools lie below the map, and their tabs at the thumb: what was chosen comes into view.
  if (tapped && matchMedia("(max-width: 44rem)").matches) $("decoded-card").scrollIntoView();
  emit("tab");
  saveAddress();
}

function buildTabs() {
  for (const [name, build] of TABS) {
    const tab = el("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": `panel-${name}`, t: `tabs.${name}`, onclick: () => openTab(name, false, true) });
    $("tabs").append(tab);
    const panel = el("div", { role: "tabpanel", id: `panel-${name}`, "aria-labelledby": `tab-${name}`, class: "panel", hidden: true });
    $("panels").append(panel);
    build(panel);
  }
  $("tabs").addEventListener("keydown", (event) => {
    const shown = TABS.map(([name]) => name).filter((name) => !$(`tab-${name}`).hidden), at = shown.indexOf(view.tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    openTab(shown[(to + shown.length) % shown.length], true);
  });
}

/** Which tabs make sense for what is open. */
function showTabs() {
  const scene = sides[0]?.scene, meta = scene?.meta;
  $("tab-walk").hidden = !meta || Boolean(scene.arrays.book);
  $("tab-tokens").hidden = !scene?.arrays.book;
  for (const name of ["between", "samples", "selection"]) $(`tab-${name}`).hidden = !meta;
  $("tab-draw").hidden = !meta?.image;
  $("tab-compare").hidden = !meta || session.runs.length < 2;
  $("stage").hidden = $("decoded-card").hidden = !meta;
  $("save").hidden = !meta;
  document.body.classList.toggle("watching", !meta);
}

/** After a scene was opened: charts for every side, and everything else told. */
function showScene(keep = false) {
  const { meta, arrays } = sides[0].scene, [first, second] = startingAxes(meta);
  // One number of a quantised code takes a few values only: the axes along which codes differ say more.
  view.projection ??= arrays.book && meta.d > 1 ? "pca" : "latents";
  // With two latents every place of the map is one image.
  view.behind ??= meta.image && meta.d === 2 && !arrays.book;
  $("behind").checked = view.behind;
  if (view.first === null || view.first >= meta.d || view.second >= meta.d) { view.first = first; view.second = second; }
  const fine = (i) => i === null || (Number.isInteger(i) && i >= 0 && i < meta.n);
  for (const key of ["a", "b", "c"]) if (!fine(view.ends[key])) view.ends[key] = null;
  // A filter of an address that does not fit the column is none.
  for (const field of fieldsOfScene(sides[0].scene)) if (session.filters.has(field.id) && Boolean(filterOf(field).hidden) !== Boolean(field.names)) session.filters.delete(field.id);
  if (session.own && session.own.fingerprint !== fingerprintOf(sides[0].scene) && view.colour === "own") view.colour = "label";
  if (session.selected && !selectedIn(sides[0].scene)) { session.selected = null; emit("selected"); }
  showCharts(keep);
  showTabs();
  emit("scene");
  emit("chosen", sides[0]);
  for (const side of sides) session.setCode(side, side.z, { chosen: side.chosen, linked: false });
  if (sides[0].chosen !== null) session.fetchOwn(sides[0].chosen);
}

function showCharts(keep) {
  $("maps").classList.toggle("two", sides.length > 1);
  while (session.charts.length > sides.length) session.charts.pop().holder.remove();
  sides.forEach((side, i) => {
    session.charts[i] ??= new Chart(side, $("maps"));
    const chart = session.charts[i];
    chart.side = side;
    chart.caption.hidden = sides.length < 2;
    chart.caption.textContent = session.runs[side.run].name;
    chart.open(keep);
  });
}

async function changeSplit(split) {
  view.split = split;
  view.ends = { a: null, b: null, c: null };
  for (const side of sides) side.chosen = null;
  await Promise.all(sides.map((side, i) => session.open(i, side.run, split)));
  view.split = sides[0].scene.meta.split;
  showScene(true);
}

async function changeRun(run) {
  await session.open(0, run, view.split);
  view.run = run;
  session.filters.clear();
  view.colour = "label";
  Object.assign(sides[0], startingExample(sides[0].scene));
  view.first = view.second = view.centre = view.projection = null;
  if (sides[1]?.run === run) { sides.length = 1; view.other = null; }
  showScene();
}

/** What the address says of the first side, as far as it fits what is open. */
function applyAddress() {
  const side = sides[0], { meta } = side.scene;
  if (view.chosen !== null && Number.isInteger(view.chosen) && view.chosen >= 0 && view.chosen < meta.n) {
    side.chosen = view.chosen;
    side.z = codeOf(side.scene, view.chosen);
    side.context = contextOf(side.scene, view.chosen);
  } else if (view.z?.length === meta.d && view.z.every(Number.isFinite)) { side.chosen = null; side.z = view.z; }
  else Object.assign(side, startingExample(side.scene));
  if (view.given?.length === meta.context) side.context = view.given;
  view.chosen = side.chosen;
}

async function openAddress(hash = location.hash) {
  readAddress(hash);
  if (!(session.runs[view.run]?.state === "finished")) view.run = Math.max(0, session.runs.findIndex((run) => run.state === "finished"));
  if (session.runs[view.run]?.state !== "finished") { view.tab = "training"; showTabs(); openTab("training"); return; }
  if (!["train", "validation", "test", "all"].includes(view.split)) view.split = "validation";
  const other = view.other ?? (BOOT.compare && session.runs.length > 1 ? 1 : null);
  await session.open(0, view.run, view.split);
  applyAddress();
  const kept = view.centre && view.scale > 0 ? { centre: view.centre, scale: view.scale } : null;
  if (other !== null && other !== view.run && session.runs[other]?.state === "finished") { view.other = other; await session.open(1, other, view.split); }
  if (sides[0].chosen !== null && session.same()) Object.assign(sides[1], { chosen: sides[0].chosen, z: codeOf(sides[1].scene, sides[0].chosen), context: contextOf(sides[1].scene, sides[0].chosen) });
  showScene();
  if (kept) { Object.assign(session.charts[0], kept); session.charts[0].moved(); }
  if (view.behind) session.charts[0].manifold.decode().catch(failed);
  const shown = TABS.map(([name]) => name).filter((name) => !$(`tab-${name}`).hidden);
  openTab(shown.includes(view.tab) ? view.tab : shown[0]);
}

async function start() {
  page.lang = BOOT.lang ?? (navigator.languages.find((lang) => WORDS[lang.slice(0, 2)]) ?? "en").slice(0, 2);
  readAddress();
  document.documentElement.lang = page.lang === "pt" ? "pt-BR" : "en";
  setTheme();
  translate();
  buildDecoded($("decoded-card"));
  buildTabs();
  try {
    session.runs = await backend.runs();
    buildControls();
    buildSaving();
    linkSelection();
    on("sides", () => { showCharts(true); emit("chosen", sides[0]); for (const side of sides) session.decode(side); });
    on("runs", () => {
      // The first run of a study that is finished opens the map.
      if (!sides.length && session.runs.some((run) => run.state === "finished")) openAddress().catch(failed); else showTabs();
    });
    await openAddress();
    // The event's own address: by now a view that was still being saved may have taken its place.
    addEventListener("hashchange", (event) => { openAddress(new URL(event.newURL).hash).catch(failed); });
    document.documentElement.dataset.ready = "1";
  } catch (error) { failed(error); }
}
