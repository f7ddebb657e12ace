// Where answers come from: the server, or arrays that the page carries. Both have the same functions.

/** Model values as the page draws them: bytes for images. */
function drawnValues(meta, values) {
  if (!meta.image) return values;
  const [low, high] = meta.range, out = new Uint8ClampedArray(values.length);
  for (let i = 0; i < values.length; i++) out[i] = Math.round((255 * (values[i] - low)) / (high - low));
  return out;
}

/** Up to so many codes are decoded in the page, where it can: beyond, the server's matrix products are quicker. */
const FEW = 32;
/** And no longer than so many milliseconds, in which nothing on the page moves. */
const PATIENCE = 30;

function serverBackend() {
  const headers = BOOT.token ? { "X-Latente-Token": BOOT.token } : {};
  async function ask(path, body) {
    let answer;
    try {
      answer = await fetch(path, body ? { method: "POST", body, headers } : { headers });
    } catch {
      throw new Error(t("error.gone"));
    }
    if (!answer.ok) throw new Error(await answer.text());
    return answer;
  }
  const bytes = async (path, body) => (await ask(path, body)).arrayBuffer();
  const programs = new Map();
  /** A run's decoder once it is here; null before that, and of models that only the server computes. */
  function here(run) {
    if (!programs.has(run)) {
      programs.set(run, null);
      const take = (raw) => { const { meta, arrays } = unpack(raw); if (meta.decoder) programs.set(run, { program: meta.decoder, arrays, cost: 0 }); };
      // Without it everything still works.
      bytes(`/api/program?run=${run}`).then(take).catch(() => {});
    }
    return programs.get(run);
  }
  /** Decoded without asking anybody, where that is quicker; else null. */
  function quickly(run, meta, z, context) {
    const n = z.length / meta.d, found = here(run);
    if (!found || (n > 1 && (n > FEW || n * found.cost > PATIENCE))) return null;
    const begun = performance.now(), out = forwardAll(found.program, found.arrays, z, n, context), cost = (performance.now() - begun) / n;
    // The least that it ever took: others take turns on the processor too.
    found.cost = found.cost ? Math.min(found.cost, cost) : cost;
    return out;
  }
  return {
    whole: true,
    runs: async () => (await ask("/api/runs")).json(),
    scene: async (run, split) => unpack(await bytes(`/api/scene?run=${run}&split=${split}`)),
    async decode(run, meta, z, context = givenTo(run)) {
      return quickly(run, meta, z, context) ?? new Float32Array(await bytes(`/api/decode?run=${run}`, withContext(meta, z, context)));
    },
    async drawn(run, meta, z, context = givenTo(run)) {
      const values = quickly(run, meta, z, context);
      if (values) return drawnValues(meta, values);
      const raw = await bytes(`/api/decode?run=${run}&as=drawn`, withContext(meta, z, context));
      return meta.image ? new Uint8ClampedArray(raw) : new Float32Array(raw);
    },
    async encode(run, meta, x, context = givenTo(run)) {
      const { arrays } = unpack(await bytes(`/api/encode?run=${run}`, Float32Array.of(...x, ...context)));
      return { mean: arrays.mean.data, logVar: arrays.log_var?.data ?? null, score: arrays.score.data };
    },
    async examples(run, meta, index) {
      // Without the data they are shown as the model reconstructs them, as in a page that holds only some.
      if (meta.absent) return index.map(() => null);
      const raw = await bytes(`/api/examples?run=${run}&split=${meta.split}&index=${index.join(",")}`);
      const size = meta.shape.reduce((a, b) => a * b, 1);
      const all = meta.image ? new Uint8ClampedArray(raw) : new Float32Array(raw);
      return index.map((_, i) => all.subarray(i * size, (i + 1) * size));
    },
    async nearest(run, meta, x, count) {
      const { arrays } = unpack(await bytes(`/api/nearest?run=${run}&count=${count}`, x));
      const size = meta.shape.reduce((a, b) => a * b, 1);
      return [...arrays.index.data].map((index, i) => ({
        index,
        split: "train",
        distance: arrays.distance.data[i],
        label: arrays.labels ? arrays.labels.data[i] : null,
        drawn: arrays.examples.data.subarray(i * size, (i + 1) * size),
      }));
    },
    fitted: async (run) => unpack(await bytes(`/api/fitted?run=${run}`)).arrays,
    progress: async (run) => unpack(await bytes(`/api/progress?run=${run}`)),
    async image(file) {
      if (file.size > BOOT.limit) throw new Error(t("error.large"));
      const { pixels } = unpack(await bytes("/api/picture", file)).arrays;
      const [height, width] = pixels.shape;
      return new ImageData(new Uint8ClampedArray(pixels.data), width, height);
    },
  };
}

function fileBackend() {
  const blobs = BOOT.runs.map((_, i) => withCodes(unpack(carried(`run-${i}`))));
  let images = null;
  /** The examples that the file holds, by index, cut out of one image. */
  async function held() {
    if (images) return images;
    images = new Map();
    const sheet = blobs[0].arrays.sheet, { meta } = blobs[0];
    if (blobs[0].arrays.rows) {
      const size = sizeOf(meta), { held: index, rows } = blobs[0].arrays;
      index.data.forEach((i, k) => images.set(i, rows.data.subarray(k * size, (k + 1) * size)));
    }
    if (!sheet) return images;
    const bitmap = await createImageBitmap(new Blob([sheet.data], { type: "image/png" }));
    const ctx = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
    ctx.drawImage(bitmap, 0, 0);
    const all = ctx.getImageData(0, 0, bitmap.width, bitmap.height).data;
    const [h, w, channels = 1] = meta.shape, columns = bitmap.width / w;
    blobs[0].arrays.held.data.forEach((index, k) => {
      const top = Math.floor(k / columns) * h, left = (k % columns) * w, out = new Uint8ClampedArray(h * w * channels);
      for (let y = 0, o = 0; y < h; y++) {
        for (let x = 0; x < w; x++) {
          for (let c = 0; c < channels; c++) out[o++] = all[4 * ((top + y) * bitmap.width + left + x) + c];
        }
      }
      images.set(index, out);
    });
    return images;
  }
  const decode = async (run, meta, z, context = givenTo(run)) => forwardAll(meta.decoder, blobs[run].arrays, z, z.length / meta.d, context);
  return {
    whole: false,
    runs: async () => BOOT.runs,
    scene: async (run) => blobs[run],
    decode,
    drawn: async (run, meta, z, context) => drawnValues(meta, await decode(run, meta, z, context)),
    async encode(run, meta, x, context = givenTo(run)) {
      const { arrays } = blobs[run], { d } = meta, code = forward(meta.encoder, arrays, x, context), mean = code.slice(0, d);
      const logVar = code.length > d ? code.slice(d) : null;
      if (meta.score === "error") {
        const rebuilt = forward(meta.decoder, arrays, mean, context);
        return { mean, logVar, score: [Math.sqrt(rebuilt.reduce((sum, v, i) => sum + (v - x[i]) ** 2, 0) / x.length)] };
      }
      let nats = surprise(meta, forward(meta.decoder, arrays, mean, context, meta.decoder.steps.length - 1), x);
      if (logVar && meta.prior === "standard-normal") for (let j = 0; j < d; j++) nats += 0.5 * (mean[j] ** 2 + Math.exp(logVar[j]) - 1 - logVar[j]);
      return { mean, logVar, score: [nats] };
    },
    async examples(run, meta, index) {
      const found = await held();
      return index.map((i) => found.get(i) ?? null);
    },
    async nearest(run, meta, x, count) {
      const [low, high] = meta.range, labels = blobs[0].arrays.labels?.data;
      const all = [...(await held())].map(([index, drawn]) => {
        let sum = 0;
        for (let i = 0; i < x.length; i++) sum += ((meta.image ? (drawn[i] / 255) * (high - low) + low : drawn[i]) - x[i]) ** 2;
        return { index, split: meta.split, distance: Math.sqrt(sum), label: labels ? labels[index] : null, drawn };
      });
      return all.sort((a, b) => a.distance - b.distance).slice(0, count);
    },
    async fitted(run) {
      const { weights, means, factors } = blobs[run].arrays;
      return { weights, means, factors };
    },
    progress: async (run) => ({
      meta: {
        state: "finished", done: blobs[run].meta.history.loss?.length ?? 0, history: blobs[run].meta.history,
        epochs: (blobs[run].meta.history.loss ?? []).map((_, i) => i + 1),
      },
      arrays: {},
    }),
    async image(file) {
      if (file.size > BOOT.limit) throw new Error(t("error.large"));
      let bitmap;
      try {
        bitmap = await createImageBitmap(file);
      } catch {
        throw new Error(t("error.picture"));
      }
      const scale = Math.min(1, 512 / Math.max(bitmap.width, bitmap.height));
      const width = Math.max(1, Math.round(bitmap.width * scale)), height = Math.max(1, Math.round(bitmap.height * scale));
      const ctx = new OffscreenCanvas(width, height).getContext("2d");
      ctx.drawImage(bitmap, 0, 0, width, height);
      return ctx.getImageData(0, 0, width, height);
    },
  };
}
