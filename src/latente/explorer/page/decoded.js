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
    paintExample(picture, side.scene.meta, side.image);
    picture.dataset.z = Array.from(side.imageCode).join(",");
    picture.dataset.given = Array.from(side.imageContext).join(",");
    if (side.chosen !== null && side.own) showAbout(side);
  }

  function showOwn(side) {
    if (side !== sides[0]) return;
    ownBox.hidden = side.chosen === null;
    hint.hidden = side.chosen !== null;
    if (side.chosen === null) return;
    own.hidden = !side.own;
    if (side.own) paintExample(own, side.scene.meta, side.own);
    describe(own, exampleName(side.scene, side.chosen));
    showAbout(side);
  }

  function showAbout(side) {
    const text = [exampleName(side.scene, side.chosen)];
    const same = side.imageCode && side.imageCode.every((v, i) => v === side.z[i]);
    if (side.own && side.image && same) text.push(t("decoded.error", { value: num(rootError(side.scene.meta, side.own, side.image), 3) }));
    const about = $("about");
    about.replaceChildren(...text.map((line) => el("span", { text: line })));
  }

  on("code", showCode);
  on("image", showImage);
  on("own chosen", showOwn);
  on("language", () => { if (sides[0]?.scene) { showCode(sides[0]); showOwn(sides[0]); } describe(picture, t("decoded.title")); });
}
