// The runs that are open: their scenes, the code that is decoded, the example that is chosen.

const backend = BOOT.backend === "server" ? serverBackend() : fileBackend();
const sides = [];
const session = { pointed: null, charts: [], runs: [], filters: new Map(), selected: null, own: null };

/** Open a run's split on the first or second side. */
session.open = async (number, run, split) => {
  const side = sides[number] ?? { run, z: null, chosen: null, landed: null };
  const scene = await backend.scene(run, split);
  const other = side.scene && (side.run !== run || side.scene.meta.d !== scene.meta.d);
  Object.assign(side, { run, scene, landed: null, image: null, own: undefined, paint: null });
  side.shown = new Shown(side);
  sides[number] = side;
  const { meta } = scene;
  if (!side.z || side.z.length !== meta.d || other) {
    side.z = snapped(scene, meta.prior === "none" ? Float32Array.from(scene.arrays.centre.data) : new Float32Array(meta.d));
    side.tokens = null;
  }
  if (side.context?.length !== meta.context || other) side.context = contextOf(scene, 0);
  if (side.chosen !== null && side.chosen >= meta.n) side.chosen = null;
};

/** Give the decoder of a side something else beside the code, and that of the other where it takes the same. */
session.give = (side, context, linked = true) => {
  if (side.context.length === context.length && side.context.every((v, i) => v === context[i])) return;
  side.context = Float32Array.from(context);
  if (side === sides[0]) { view.given = side.context; saveAddress(); }
  emit("given", side);
  session.decode(side);
  const other = sides.find((s) => s !== side), like = (s) => JSON.stringify(s.scene.meta.given);
  if (linked && other && like(other) === like(side)) session.give(other, context, false);
};

/** The second side, opened or closed. */
session.compare = async (run) => {
  view.other = run;
  if (run === null) sides.length = 1; else await session.open(1, run, view.split);
  if (run !== null && sides[0].chosen !== null && session.same()) session.choose(sides[0].chosen, sides[0]);
  emit("sides");
  saveAddress();
};

/** Whether both sides show the same examples, so that a number means the same image in both. */
session.same = () => sides.length > 1 && sides[0].scene.meta.fingerprint === sides[1].scene.meta.fingerprint;

/** Put a code under the pointer of a side, and of the other where both have as many latents. */
session.setCode = (side, z, { chosen = null, linked = true, tokens = null } = {}) => {
  side.z = Float32Array.from(z);
  if (side.scene.arrays.book) {
    // A sum of entries does not tell of which, where there are several levels.
    side.tokens = tokens ?? (chosen === null ? tokensOf(side.scene, side.z) : tokensOfExample(side.scene, chosen));
    side.z = codeOfTokens(booksOf(side.scene), side.tokens);
  }
  if (side.chosen !== chosen) { side.chosen = chosen; side.own = undefined; emit("chosen", side); }
  if (side === sides[0]) { view.z = side.z; view.chosen = chosen; saveAddress(); }
  emit("code", side);
  session.decode(side);
  const other = sides.find((s) => s !== side);
  if (linked && other && other.z.length === side.z.length) session.setCode(other, z, { linked: false });
};

/** Choose an example by its number: the pointer goes to its code, in both runs where they share their data. */
session.choose = (index, side = sides[0]) => {
  for (const one of side === sides[0] || session.same() ? sides : [side]) {
    if (one !== side && !session.same()) continue;
    const z = index === null ? one.z : codeOf(one.scene, index);
    // The example as the model sees it: with what it came with.
    if (index !== null && one.scene.meta.context) session.give(one, contextOf(one.scene, index), false);
    session.setCode(one, z, { chosen: index, linked: false });
  }
  if (index !== null) {
    session.fetchOwn(index);
    say(t("example.chosen", { name: exampleName(side.scene, index) }));
  }
};

/** The chosen example itself, as drawn. */
session.fetchOwn = async (index) => {
  try {
    for (const side of sides) {
      if (side.chosen !== index) continue;
      const [own] = await side.shown.get([index]);
      if (side.chosen === index) { side.own = own; emit("own", side); }
    }
  } catch (error) { failed(error); }
};

/** Decode a side's code; while one is on its way only the last of those asked for meanwhile is sent after it. */
session.decode = (side) => {
  if (side.busy) { side.again = true; return; }
  side.busy = true;
  const z = Float32Array.from(side.z), { scene, context } = side;
  backend.drawn(side.run, scene.meta, z).then((drawn) => {
    if (side.scene !== scene) return;
    side.image = drawn;
    side.imageCode = z;
    side.imageContext = context;
    emit("image", side);
  }).catch(failed).finally(() => {
    side.busy = false;
    if (side.again) { side.again = false; session.decode(side); }
  });
};

/** The ends of a walk as codes of a side: {a, b, c}. They are examples, so each run has its own codes of them. */
function endCodes(side) {
  const at = (i) => (i === null || i >= side.scene.meta.n ? null : codeOf(side.scene, i));
  return { a: at(view.ends.a), b: at(view.ends.b), c: at(view.ends.c) };
}
