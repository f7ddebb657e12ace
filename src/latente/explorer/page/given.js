// What a conditional model is given beside a code: the example's label, or columns of the data.

/** What a run is given now. */
const givenTo = (run) => sides.find((side) => side.run === run)?.context ?? [];

/** What an example was given with. */
function contextOf(scene, index) {
  const { meta, arrays } = scene, c = meta.context;
  if (!c) return new Float32Array(0);
  if (arrays.context) return arrays.context.data.slice(index * c, (index + 1) * c);
  const out = new Float32Array(c);
  out[arrays.labels.data[index]] = 1;
  return out;
}

/** Codes with what each is given, row after row. */
function withContext(meta, z, context) {
  const c = meta.context ?? 0, d = z.length && meta.d;
  if (!c) return z;
  const n = z.length / d, out = new Float32Array(n * (d + c));
  for (let i = 0; i < n; i++) { out.set(z.subarray(i * d, (i + 1) * d), i * (d + c)); out.set(context, i * (d + c) + d); }
  return out;
}

/** The fields of what a side is given, each with its place in the context. */
function fieldsOf(meta) {
  let at = 0;
  return meta.given.map((field) => { const place = at; at += field.choices?.length ?? 1; return { ...field, at: place }; });
}

/** Fields to choose what the decoder is given; a column that is a number is said in its own unit. */
function fillGiven(root) {
  const side = sides[0], meta = side?.scene?.meta;
  root.hidden = !meta?.context;
  if (root.hidden) { root.replaceChildren(); return; }
  const give = (change) => { const context = Float32Array.from(side.context); change(context); session.give(side, context); };
  root.replaceChildren(...fieldsOf(meta).map((field, i) => {
    const name = field.name ?? t("given.label"), id = `given-${i}`;
    const input = field.choices
      ? el("select", { id, onchange: () => give((c) => { c.fill(0, field.at, field.at + field.choices.length); c[field.at + Number(input.value)] = 1; }) },
        ...field.choices.map((text, k) => el("option", { value: k, text })))
      : el("input", { type: "number", id, step: "any", min: field.range[0], max: field.range[1], onchange: () => {
        if (Number.isFinite(input.valueAsNumber)) give((c) => { c[field.at] = (input.valueAsNumber - field.mean) / field.sd; });
      } });
    return el("label", { class: "field" }, el("span", { text: name }), input);
  }));
  showGiven(side);
}

/** What is given, in its fields. */
function showGiven(side) {
  if (side !== sides[0]) return;
  fieldsOf(side.scene.meta).forEach((field, i) => {
    const input = $(`given-${i}`);
    if (!input || document.activeElement === input && !field.choices) return;
    const values = side.context.subarray(field.at, field.at + (field.choices?.length ?? 1));
    input.value = field.choices ? String(largest(values)) : String(Number((field.mean + field.sd * values[0]).toPrecision(6)));
  });
}
