// A layer program (see export/layer_program.py), carried out one row at a time: the model of a page without a server.

const sigmoid = (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));
const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

const ACTIVATIONS = {
  linear: (x) => x,
  relu: (x) => (x > 0 ? x : 0),
  tanh: Math.tanh,
  sigmoid,
  elu: (x) => (x > 0 ? x : Math.expm1(x)),
  gelu: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  silu: (x) => x * sigmoid(x),
  softplus,
};

const FUNCTIONS = {
  exp: Math.exp,
  log1p: Math.log1p,
  // Halves go to even numbers, as everywhere but in Math.round.
  round: (x) => { const low = Math.floor(x), rest = x - low; return rest > 0.5 || (rest === 0.5 && low % 2 !== 0) ? low + 1 : low; },
  // Near zero the difference of two large numbers is its series' first terms.
  langevin: (x) => (Math.abs(x) < 0.05 ? x / 3 - x ** 3 / 45 : 1 / Math.tanh(x) - 1 / x),
};

const total = (shape) => shape.reduce((a, b) => a * b, 1);
const tensor = (data, shape = [data.length]) => ({ data, shape });
const each = (x, change) => tensor(x.data.map(change), x.shape);
/** A value of an array that is repeated along all axes but the last ones. */
const cycled = (x, array, combine) => { const m = array.length; return each(x, (v, i) => combine(v, array[m === 1 ? 0 : i % m])); };

/** How many outputs are summed up at a time, in variables that a processor keeps in its registers. */
const LANES = 8;

/** A matrix of (inputs, outputs) as strips of LANES columns, so that each is read from its start to its end; kept. */
function strips(array, inputs, outputs) {
  if (array.strips) return array.strips;
  const count = Math.ceil(outputs / LANES), out = new Float32Array(count * inputs * LANES), weight = array.data;
  for (let s = 0; s < count; s++) {
    for (let i = 0; i < inputs; i++) {
      for (let k = 0; k < LANES && s * LANES + k < outputs; k++) out[(s * inputs + i) * LANES + k] = weight[i * outputs + s * LANES + k];
    }
  }
  array.strips = out;
  return out;
}

/** y[at…] = bias + the first `count` values · their rows of the matrix. */
function product(values, rows, count, packed, inputs, bias, outputs, y, at) {
  for (let first = 0; first < outputs; first += LANES) {
    const base = first * inputs;
    let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
    for (let i = 0; i < count; i++) {
      const v = values[i], w = base + rows[i];
      a += v * packed[w]; b += v * packed[w + 1]; c += v * packed[w + 2]; d += v * packed[w + 3];
      e += v * packed[w + 4]; f += v * packed[w + 5]; g += v * packed[w + 6]; h += v * packed[w + 7];
    }
    const sums = [a, b, c, d, e, f, g, h];
    for (let k = 0; k < LANES && first + k < outputs; k++) y[at + first + k] = sums[k] + bias[first + k];
  }
}

/** Room for the values that are not zero (most pixels and half of all relus are) and where their rows begin. */
const room = { values: new Float32Array(0), rows: new Int32Array(0) };
function roomFor(size) {
  if (room.values.length < size) { room.values = new Float32Array(size); room.rows = new Int32Array(size); }
  return room;
}

function convolve(x, step, arrays) {
  const array = arrays[step.weight], [kernel, , inputs, outputs] = array.shape, { stride, pads: [[above, below], [left, right]] } = step;
  const [height, width] = x.shape, size = kernel * kernel * inputs, packed = strips(array, size, outputs), bias = arrays[step.bias].data;
  const tall = Math.floor((height + above + below - kernel) / stride) + 1, wide = Math.floor((width + left + right - kernel) / stride) + 1;
  const y = new Float32Array(tall * wide * outputs), { values, rows } = roomFor(size), { data } = x;
  for (let r = 0, at = 0; r < tall; r++) {
    for (let c = 0; c < wide; c++, at += outputs) {
      let count = 0;
      for (let i = 0; i < kernel; i++) {
        const from = r * stride + i - above;
        if (from < 0 || from >= height) continue;
        for (let j = 0; j < kernel; j++) {
          const column = c * stride + j - left;
          if (column < 0 || column >= width) continue;
          const begin = (from * width + column) * inputs, row = (i * kernel + j) * inputs;
          for (let k = 0; k < inputs; k++) {
            const value = data[begin + k];
            if (value !== 0) { values[count] = value; rows[count++] = (row + k) * LANES; }
          }
        }
      }
      product(values, rows, count, packed, size, bias, outputs, y, at);
    }
  }
  return tensor(y, [tall, wide, outputs]);
}

/** Along the last axis: what `make` returns of each run of values, one after the other. */
function along(x, make, width = x.shape.at(-1)) {
  const parts = [];
  for (let at = 0; at < x.data.length; at += width) parts.push(make(x.data.subarray(at, at + width)));
  const out = new Float32Array(parts.length * parts[0].length);
  parts.forEach((part, i) => out.set(part, i * part.length));
  return tensor(out, [...x.shape.slice(0, -1), parts[0].length]);
}
const dropped = (x) => tensor(x.data, x.shape.slice(0, -1));
function largest(values) { let best = 0; for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i; return best; }
const hot = (values) => { const out = new Float32Array(values.length); out[largest(values)] = 1; return out; };

/** Which entry of each level's book is nearest to what those before left of the values: the tokens and their sum. */
function quantised(values, books, width) {
  const left = Float32Array.from(values), sum = new Float32Array(width), tokens = [];
  for (const book of books) {
    let best = 0, least = Infinity;
    for (let e = 0; e < book.length / width; e++) {
      let distance = 0;
      for (let j = 0; j < width; j++) distance += (left[j] - book[e * width + j]) ** 2;
      if (distance < least) { least = distance; best = e; }
    }
    tokens.push(best);
    for (let j = 0; j < width; j++) { sum[j] += book[best * width + j]; left[j] -= book[best * width + j]; }
  }
  return { tokens, sum };
}

const OPERATIONS = {
  dense(x, step, arrays) {
    const array = arrays[step.weight], [inputs, outputs] = array.shape, packed = strips(array, inputs, outputs), bias = arrays[step.bias].data;
    return along(x, (row) => {
      const { values, rows } = roomFor(inputs), y = new Float32Array(outputs);
      let count = 0;
      for (let i = 0; i < inputs; i++) if (row[i] !== 0) { values[count] = row[i]; rows[count++] = i * LANES; }
      product(values, rows, count, packed, inputs, bias, outputs, y, 0);
      return y;
    });
  },
  convolution: convolve,
  activation: (x, step) => (step.name === "linear" ? x : each(x, ACTIVATIONS[step.name])),
  function: (x, step) => each(x, FUNCTIONS[step.name]),
  bounded: (x, step) => each(x, (v) => step.bound * Math.tanh(v / step.bound)),
  moments(x, step) {
    const half = x.data.length / 2;
    return each(x, (v, i) => (i < half ? v : step.bound * Math.tanh(v / step.bound)));
  },
  affine(x, step, arrays) {
    const by = arrays[step.multiplier].data, and = arrays[step.offset].data;
    return cycled(cycled(x, by, (v, m) => v * m), and, (v, o) => v + o);
  },
  standard(x, step, arrays) {
    return cycled(cycled(x, arrays[step.center].data, (v, c) => v - c), arrays[step.spread].data, (v, s) => v / s);
  },
  slice: (x, step) => along(x, (row) => row.subarray(step.start, step.stop)),
  take: (x, step) => along(x, (row) => Float32Array.from(step.index, (i) => row[i])),
  reshape(x, step) {
    const known = step.shape.reduce((a, b) => (b < 0 ? a : a * b), 1);
    return tensor(x.data, step.shape.map((n) => (n < 0 ? x.data.length / known : n)));
  },
  transpose(x, step) {
    const order = step.axes.map((axis) => axis - 1), shape = order.map((axis) => x.shape[axis]), out = new Float32Array(x.data.length);
    const strides = x.shape.map((_, axis) => total(x.shape.slice(axis + 1))), place = shape.map(() => 0);
    for (let i = 0; i < out.length; i++) {
      let from = 0;
      for (let k = 0; k < place.length; k++) from += place[k] * strides[order[k]];
      out[i] = x.data[from];
      for (let k = place.length - 1; k >= 0 && ++place[k] === shape[k]; k--) place[k] = 0;
    }
    return tensor(out, shape);
  },
  enlarge(x, step) {
    const [, width, channels] = x.shape, [tall, wide] = step.size, out = new Float32Array(tall * wide * channels);
    for (let r = 0, at = 0; r < tall; r++) {
      for (let c = 0; c < wide; c++, at += channels) {
        const from = ((r >> 1) * width + (c >> 1)) * channels;
        for (let k = 0; k < channels; k++) out[at + k] = x.data[from + k];
      }
    }
    return tensor(out, [tall, wide, channels]);
  },
  softmax: (x) => along(x, (row) => {
    const raised = row.map((v) => Math.exp(v - row[largest(row)])), sum = raised.reduce((a, b) => a + b, 0);
    return raised.map((v) => v / sum);
  }),
  largest: (x) => dropped(along(x, (row) => [largest(row)])),
  sum: (x) => dropped(along(x, (row) => [row.reduce((a, b) => a + b, 0)])),
  length_one: (x, step) => along(x, (row) => {
    const length = Math.hypot(...row);
    return length > 1e-6 ? row.map((v) => v / length) : row.map((_, i) => (i === 0 ? 1 : 0));
  }, step.size),
  hot: (x, step) => along(x, hot, step.size),
  top(x, step) {
    const kept = new Set([...x.data.keys()].sort((i, j) => x.data[j] - x.data[i] || i - j).slice(0, step.k));
    return each(x, (v, i) => (kept.has(i) ? v : 0));
  },
  nearest(x, step, arrays) {
    const books = step.books.map((name) => arrays[name].data);
    return along(x, (row) => quantised(row, books, row.length).sum);
  },
  equal: (x, step, arrays) => {
    const values = arrays[step.value].data, one = x.shape.at(-1) === 1, even = FUNCTIONS.round;
    if (one) return along(x, (row) => Float32Array.from(values, (v) => (even(row[0]) === v ? 1 : 0)));
    return each(x, (v, i) => (even(v) === values[i % values.length] ? 1 : 0));
  },
  observed: (x) => each(x, (v) => (Number.isNaN(v) ? 0 : 1)),
  filled: (x, step, arrays) => cycled(x, arrays[step.value].data, (v, fill) => (Number.isNaN(v) ? fill : v)),
  context: (x, step, arrays, context) => along(x, (row) => [...row, ...context]),
  join(x, step, arrays, context) {
    const parts = step.branches.map((branch) => carryOut(branch, arrays, x, context)), rows = total(parts[0].shape.slice(0, -1));
    const widths = parts.map((part) => part.shape.at(-1)), wide = widths.reduce((a, b) => a + b, 0), out = new Float32Array(rows * wide);
    for (let r = 0, at = 0; r < rows; r++) {
      parts.forEach((part, i) => { out.set(part.data.subarray(r * widths[i], (r + 1) * widths[i]), at); at += widths[i]; });
    }
    return tensor(out, [...parts[0].shape.slice(0, -1), wide]);
  },
  multiply: (x, step, arrays, context) => merged(step, arrays, x, context, (a, b) => a * b),
  add: (x, step, arrays, context) => merged(step, arrays, x, context, (a, b) => a + b),
};

/** The branches of a step, combined value by value. */
function merged(step, arrays, x, context, combine) {
  const [first, ...others] = step.branches.map((branch) => carryOut(branch, arrays, x, context));
  return others.reduce((a, b) => each(a, (v, i) => combine(v, b.data[i])), first);
}

function carryOut(steps, arrays, x, context) {
  for (const step of steps) x = OPERATIONS[step.op](x, step, arrays, context);
  return x;
}

/** One row through the steps, all or the first so many; `context` is what a conditional model is given beside. */
function forward(program, arrays, row, context = [], steps = program.steps.length) {
  return carryOut(program.steps.slice(0, steps), arrays, tensor(row), context).data;
}

/** Rows of an array through a program, one below the other. */
function forwardAll(program, arrays, rows, n, context = []) {
  const width = rows.length / n, out = new Float32Array(n * program.outputs);
  for (let i = 0; i < n; i++) out.set(forward(program, arrays, rows.subarray(i * width, (i + 1) * width), context), i * program.outputs);
  return out;
}

/** −log p(x | z) of a decoder's outputs before their last step, in nats. */
function surprise(meta, outputs, x) {
  let nats = 0;
  if (meta.likelihood === "Bernoulli") {
    for (let i = 0; i < x.length; i++) nats += softplus(outputs[i]) - x[i] * outputs[i];
    return nats;
  }
  const sigma = meta.sigma, constant = Math.log(2 * Math.PI * sigma * sigma);
  for (let i = 0; i < x.length; i++) nats += 0.5 * (((x[i] - outputs[i]) / sigma) ** 2 + constant);
  return nats;
}
