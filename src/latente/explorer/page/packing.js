// Packed arrays (see packing.py): bytes to typed arrays, half precision widened.

let halves = null;
/** The 65,536 half-precision numbers as single precision. */
function halfTable() {
  if (halves) return halves;
  halves = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    halves[bits] = exponent === 0 ? sign * fraction * 2 ** -24
      : exponent === 31 ? (fraction ? NaN : sign * Infinity)
      : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return halves;
}

const VIEWS = { u1: Uint8Array, u2: Uint16Array, u4: Uint32Array, f2: Uint16Array, f4: Float32Array };

/** {meta, arrays: name → {data, shape}} of a packed buffer. */
function unpack(buffer) {
  const bytes = new Uint8Array(buffer);
  if (new TextDecoder().decode(bytes.subarray(0, 8)) !== "LATENTE1") throw new Error(t("error.foreign"));
  const start = 12 + new DataView(buffer).getUint32(8, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(12, start)));
  const arrays = {};
  for (const [name, entry] of Object.entries(header.arrays)) {
    const count = entry.shape.reduce((a, b) => a * b, 1);
    let data = new VIEWS[entry.type](buffer, start + entry.at, count);
    if (entry.type === "f2") {
      const table = halfTable(), wide = new Float32Array(count);
      for (let i = 0; i < count; i++) wide[i] = table[data[i]];
      data = wide;
    }
    arrays[name] = { data, shape: entry.shape };
  }
  return { meta: header.meta, arrays };
}

/** The buffer of a blob that the page carries, or null. */
function carried(name) {
  const node = $(`blob-${name}`);
  if (!node) return null;
  const text = atob(node.textContent), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  node.remove();
  return bytes.buffer;
}
