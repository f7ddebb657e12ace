// The bar above the map, the legend below it, language and theme.

/** Buttons of which one is pressed. */
function choice(root, options, current, pick) {
  root.replaceChildren(...options.map(([value, text, label]) => el("button", {
    type: "button", text, "aria-label": label, title: label, "aria-pressed": String(value === current()), "data-value": value,
    onclick: () => {
      pick(value);
      for (const button of root.children) button.setAttribute("aria-pressed", String(button.dataset.value === current()));
    },
  })));
}

function setTheme() {
  const dark = view.theme === "dark" || (view.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.shade = dark ? "dark" : "light";
}

function redrawAll() {
  repaint();
  for (const chart of session.charts) chart.manifold.soon();
}

function buildControls() {
  const languages = () => choice($("langs"), [["en", "EN", "English"], ["pt", "PT", "Português"]], () => page.lang, (lang) => {
    page.lang = lang;
    document.documentElement.lang = lang === "pt" ? "pt-BR" : "en";
    translate();
    emit("language");
    saveAddress();
  });
  const themes = () => choice($("themes"), [["auto", "◐", t("theme.auto")], ["light", "☀\ufe0e", t("theme.light")], ["dark", "☾", t("theme.dark")]], () => view.theme, (theme) => {
    view.theme = theme;
    setTheme();
    emit("theme");
    redrawAll();
    fillLegend();
    saveAddress();
  });
  const looks = () => choice($("looks"), [["points", t("map.points")], ["density", t("map.density")]], () => view.look, (look) => { view.look = look; redrawAll(); saveAddress(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { setTheme(); emit("theme"); redrawAll(); fillLegend(); });
  $("behind").checked = view.behind;
  $("behind").addEventListener("change", (event) => {
    view.behind = event.target.checked;
    for (const chart of session.charts) { if (view.behind) chart.manifold.decode().catch(failed); chart.drawGround(); }
    saveAddress();
  });
  $("split").addEventListener("change", (event) => { changeSplit(event.target.value).catch(failed); });
  $("run").addEventListener("change", (event) => { changeRun(Number(event.target.value)).catch(failed); });
  $("colour").addEventListener("change", (event) => { view.colour = event.target.value; fillLegend(); repaint(); saveAddress(); });
  for (const id of ["projection", "first", "second"]) $(id).addEventListener("change", () => changeView());
  $("find").append(icon("M7.5 13a5.5 5.5 0 1 0 0-11a5.5 5.5 0 0 0 0 11zM11.5 11.5L16 16"));
  $("search").addEventListener("submit", (event) => { event.preventDefault(); find($("wanted").value.trim()); });
  $("link").addEventListener("click", copyLink);
  $("skip").addEventListener("click", () => session.charts[0]?.box.focus());
  on("given", (side) => { showGiven(side); session.charts.find((c) => c.side === side)?.manifold.soon(); });
  const all = () => { languages(); themes(); looks(); fillControls(); fillLegend(); showFacts(); };
  on("language scene runs", all);
  // A slider's place is in the latents, a map's in the projection: with others fixed, the images behind change.
  on("code", (side) => {
    const chart = session.charts.find((c) => c.side === side);
    chart?.reover();
    if (view.behind && chart && side.scene.meta.d > 2) chart.manifold.soon();
  });
  on("chosen landed", () => { for (const chart of session.charts) chart.reover(); });
  all();
}

function find(text) {
  const { meta } = sides[0].scene, index = Number(text);
  if (!/^\d+$/.test(text) || index >= meta.n) { notice(t("map.not_found", { last: meta.n - 1 })); return; }
  session.choose(index);
  const chart = session.charts[0], [x, y] = chart.screen(chart.point(index));
  if (x < 20 || y < 20 || x > chart.width - 20 || y > chart.height - 20) { chart.centre = chart.point(index); chart.moved(); }
}

async function copyLink() {
  try { history.replaceState(null, "", address()); } catch { /* a frame without an address */ }
  try {
    await navigator.clipboard.writeText(location.href);
    notice(t("page.copied"), "done");
  } catch {
    notice(t("page.copy_by_hand"), "done");
  }
}

function fillControls() {
  const scene = sides[0]?.scene;
  $("run-field").hidden = session.runs.length < 2;
  $("run").replaceChildren(...session.runs.map((run, i) => el("option", { value: i, text: run.state === "finished" ? run.name : `${run.name} (${t(`state.${run.state}`)})`, disabled: run.state !== "finished" })));
  $("run").value = String(view.run);
  if (!scene) return;
  fillGiven($("given"));
  const { meta, arrays } = scene;
  const splits = backend.whole ? ["validation", "train", "test", "all"] : [meta.split];
  $("split").replaceChildren(...splits.map((name) => el("option", { value: name, text: t(`split.${name}`) })));
  $("split").value = meta.split;
  const views = [["latents", meta.d > 1 ? t("map.latents") : t("facts.latent", { count: 1 })], ...(meta.d > 1 ? [["pca", "PCA"]] : []), ...(arrays.umap ? [["umap", "UMAP"]] : [])];
  $("projection").replaceChildren(...views.map(([value, text]) => el("option", { value, text })));
  $("projection").value = view.projection;
  const axes = view.projection === "latents" && meta.d > 2;
  for (const [id, current] of [["first", view.first], ["second", view.second]]) {
    $(`${id}-field`).hidden = !axes;
    $(id).replaceChildren(...meta.order.map((i) => el("option", { value: i, text: meta.collapsed[i] ? `${latentName(i)} (${t("walk.collapsed")})` : latentName(i) })));
    $(id).value = String(current);
  }
  $("behind-field").hidden = !meta.image || view.projection === "umap" || meta.d < 2;
}

function changeView() {
  const before = view.projection;
  view.projection = $("projection").value;
  if (before === "latents") { view.first = Number($("first").value); view.second = Number($("second").value); }
  for (const chart of session.charts) chart.open();
  view.centre = null;
  fillControls();
  saveAddress();
}

function showFacts() {
  const scene = sides[0]?.scene;
  $("title").textContent = scene ? session.runs[view.run].name : "latente";
  if (!scene) { $("facts").textContent = ""; return; }
  const { meta } = scene, count = num(meta.n, 0);
  const parts = [meta.data, t(meta.latents === 1 ? "facts.latent" : "facts.latents", { count: meta.latents }), t(meta.image ? "facts.images" : "facts.examples", { count })];
  $("facts").textContent = parts.join(" · ");
  document.title = `${session.runs[view.run].name} · latente`;
}
