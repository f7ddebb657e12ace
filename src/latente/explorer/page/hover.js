// The card beside the pointer: the example there, its number and its class.

const KEPT = 2000;

/** Examples of a side by index, each fetched once; null where the page does not hold it. */
class Shown {
  constructor(side) { this.side = side; this.kept = new Map(); }

  async get(indices) {
    const missing = [...new Set(indices)].filter((i) => !this.kept.has(i));
    if (missing.length) {
      const { side } = this, { scene } = side, found = await backend.examples(side.run, scene.meta, missing);
      // Another split may have been opened meanwhile.
      if (side.scene === scene) missing.forEach((index, k) => this.kept.set(index, found[k]));
      for (const old of this.kept.keys()) { if (this.kept.size <= KEPT) break; this.kept.delete(old); }
    }
    return indices.map((i) => this.kept.get(i) ?? null);
  }
}

/** "validation 12" and the class, where there is one. */
function exampleName(scene, index) {
  const { meta, arrays } = scene;
  const name = meta.split === "all" ? t("example.any", { index }) : t("example.name", { split: t(`split.${meta.split}`), index });
  return arrays.labels ? t("example.labelled", { name, label: meta.classes[arrays.labels.data[index]] }) : name;
}

class HoverCard {
  constructor(chart, root) {
    this.chart = chart;
    this.canvas = frame("small", "");
    this.text = el("span", {});
    this.note = el("span", { class: "soft" });
    this.box = el("div", { class: "card hover", "aria-hidden": "true", hidden: true }, this.canvas, el("div", {}, this.text, this.note));
    root.append(this.box);
    this.load = calmly((index) => this.fill(index).catch(failed), 25);
  }

  show(index, x, y) {
    const { chart, box } = this;
    if (index < 0) { box.hidden = true; return; }
    const { scene } = chart.side;
    if (this.index !== index || box.hidden) {
      this.index = index;
      this.text.textContent = exampleName(scene, index);
      this.load(index);
    }
    box.hidden = false;
    const right = x > chart.width / 2, below = y > chart.height / 2;
    box.style.left = right ? "" : `${x + 16}px`;
    box.style.right = right ? `${chart.width - x + 16}px` : "";
    box.style.top = below ? "" : `${y + 16}px`;
    box.style.bottom = below ? `${chart.height - y + 16}px` : "";
  }

  async fill(index) {
    const { side } = this.chart, { scene } = side;
    let [drawn] = await side.shown.get([index]);
    const rebuilt = drawn === null;
    if (rebuilt) drawn = await backend.drawn(side.run, scene.meta, codeOf(scene, index), contextOf(scene, index));
    if (this.index !== index || side.scene !== scene) return;
    paintExample(this.canvas, scene.meta, drawn);
    this.note.textContent = rebuilt ? t("example.rebuilt") : "";
    this.box.dataset.index = index;
  }
}
