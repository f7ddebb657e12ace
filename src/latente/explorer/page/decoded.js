// What is under the pointer: the decoded image beside the chosen example and what they differ by.

function buildDecoded(root) {
  const picture = frame("large", t("decoded.title")), own = frame("middle", t("decoded.own"));
  picture.id = "decoded";
  own.id = "own";
  const code = el("p", { class: "code", id: "code" });
  const ownBox = el("div", { class: "own", hidden: true }, own, el("p", { class: "about", id: "about" }));
  const hint = el("p", { class: "soft hint", t: "decoded.hint" });
  root.append(
    el("figure", {}, picture, el("figcaption", { t: "decoded.title" })),
    el("div", { class: "beside" }, code, ownBox, hint),
  );

  function showCode(side) {
    if (side !== sides[0]) return;
    // Of entries of books the grid below says more than their numbers.
    if (side.scene.arrays.book) { code.replaceChildren(); return; }
    const shown = side.scene.meta.order.slice(0, 8).sort((a, b) => a - b), parts = [];
    for (const i of shown) parts.push(el("span", {}, el("b", { text: latentName(i) }), ` ${num(side.z[i])}`));
    if (side.scene.meta.d > shown.length) parts.push(el("span", { text: "…" }));
    code.replaceChildren(...parts);
  }

  function showImage(side) {
    if (side !== sides[0]) return;
    paintExample(picture, side.scene.meta, side.image, ownOf(side)?.drawn);
    describe(picture, [t("decoded.title"), picture.dataset.values].filter(Boolean).join(": "));
    picture.dataset.z = Array.from(side.imageCode).join(",");
    picture.dataset.given = Array.from(side.imageContext).join(",");
    showOwn(side);
  }

  /** What the decoded image is to be like, and its name: the example that is chosen, or what was drawn. */
  function ownOf(side) {
    if (side.chosen !== null) return { drawn: side.own, name: exampleName(side.scene, side.chosen) };
    const here = side.landed && side.landed.mean.every((v, i) => v === side.z[i]);
    return here ? { drawn: side.landed.drawn, name: t("decoded.drawn") } : null;
  }

  function showOwn(side) {
    if (side !== sides[0]) return;
    const found = ownOf(side);
    ownBox.hidden = !found;
    hint.hidden = Boolean(found);
    if (!found) return;
    own.hidden = !found.drawn || Boolean(side.scene.meta.columns);
    if (side.scene.meta.columns && side.image) paintExample(picture, side.scene.meta, side.image, found.drawn);
    if (found.drawn) paintExample(own, side.scene.meta, found.drawn);
    describe(own, found.name);
    showAbout(side, found);
  }

  function showAbout(side, { drawn, name }) {
    const text = [name];
    if (drawn && side.scene.meta.columns) text.push(t("decoded.columns"));
    const same = side.imageCode && side.imageCode.every((v, i) => v === side.z[i]);
    if (drawn && side.image && same) text.push(t("decoded.error", { value: num(rootError(side.scene.meta, drawn, side.image), 3) }));
    const about = $("about");
    about.replaceChildren(...text.map((line) => el("span", { text: line })));
  }

  on("code", showCode);
  on("image", showImage);
  on("own chosen", showOwn);
  on("language", () => { if (sides[0]?.scene) { showCode(sides[0]); showOwn(sides[0]); } describe(picture, t("decoded.title")); });
}
