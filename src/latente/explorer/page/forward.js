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

const OPERATIONS = {
  dense(x, step, arrays) {
    const weight = arrays[step.weight].data, outputs = arrays[step.weight].shape[1];
    const y = Float32Array.from(arrays[step.bias].data);
    for (let i = 0, at = 0; i < x.length; i++, at += outputs) {
      const value = x[i];
      // Most pixels and half of all relus are zero.
      if (value === 0) continue;
      for (let o = 0; o < outputs; o++) y[o] += value * weight[at + o];
    }
    return y;
  },
  activation(x, step) {
    return step.name === "linear" ? x : x.map(ACTIVATIONS[step.name]);
  },
  moments(x, step) {
    const half = x.length / 2;
    return x.map((value, i) => (i < half ? value : step.bound * Math.tanh(value / step.bound)));
  },
};

/** One row through the steps, all or the first so many. */
function forward(program, arrays, row, steps = program.steps.length) {
  let x = row;
  for (let i = 0; i < steps; i++) x = OPERATIONS[program.steps[i].op](x, program.steps[i], arrays);
  return x;
}

/** Rows of an array through a program, one below the other. */
function forwardAll(program, arrays, rows, n) {
  const width = rows.length / n, out = new Float32Array(n * program.outputs);
  let size = 0;
  for (let i = 0; i < n; i++) {
    const y = forward(program, arrays, rows.subarray(i * width, (i + 1) * width));
    out.set(y, i * y.length);
    size = y.length;
  }
  return out.subarray(0, n * size);
}

/** −log p(x | z) of a decoder's outputs before their last step, in nats. */
function surprise(meta, outputs, x) {
  let total = 0;
  if (meta.likelihood === "Bernoulli") {
    for (let i = 0; i < x.length; i++) total += softplus(outputs[i]) - x[i] * outputs[i];
    return total;
  }
  const sigma = meta.sigma, constant = Math.log(2 * Math.PI * sigma * sigma);
  for (let i = 0; i < x.length; i++) total += 0.5 * (((x[i] - outputs[i]) / sigma) ** 2 + constant);
  return total;
}
