// Arrays as the payload holds them: a flat list of entries, or minimum, mean, maximum and a grid.

/** A number in four significant digits, with a real minus; NaN and infinities as words. */
export function written(x) {
  if (typeof x !== "number") return String(x).replace("inf", "∞").replaceAll("-", "−");
  const size = Math.abs(x);
  const plain = size === 0 || (size >= 1e-3 && size < 1e5);
  const text = plain ? String(Number(x.toPrecision(4))) : x.toExponential(3);
  return text.replace("e+", "e").replaceAll("-", "−");
}

/** Minimum, mean and maximum of the finite entries, and how many are not finite. */
export function gist(array) {
  if (!Array.isArray(array)) return array;
  const finite = array.filter((x) => typeof x === "number");
  const none = finite.length === 0;
  return {
    min: none ? "nan" : Math.min(...finite),
    mean: none ? "nan" : finite.reduce((a, b) => a + b, 0) / finite.length,
    max: none ? "nan" : Math.max(...finite),
    nonfinite: array.length - finite.length,
  };
}

/** Rows for a heat map: the array as a matrix whose columns are the last axis. */
export function rows(array, shape) {
  if (!Array.isArray(array)) return array.grid;
  const width = shape.length ? shape[shape.length - 1] : 1;
  const found = [];
  for (let k = 0; k < array.length; k += width) found.push(array.slice(k, k + width));
  return found;
}

/** The position of an entry, axis by axis. */
export function index(flat, shape) {
  const found = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    found.unshift(flat % shape[axis]);
    flat = Math.floor(flat / shape[axis]);
  }
  return found;
}

/** The number of the entry that broadcasting puts at an index of the output. */
export function flat(shape, at) {
  const lead = at.length - shape.length;
  return shape.reduce((number, length, axis) => number * length + (length === 1 ? 0 : at[lead + axis]), 0);
}

// Blue for negative, white for 0, orange for positive: told apart by all who see colours at all.
const COLD = [33, 102, 172], NEUTRAL = [247, 247, 247], WARM = [179, 88, 6];

/** Colours of a cell: its ground by the size of x beside the largest, and the ink on it. */
export function shade(x, largest) {
  if (typeof x !== "number") return { ground: "#5a5a5a", ink: "#ffffff" };
  const share = largest > 0 ? Math.min(1, Math.abs(x) / largest) : 0;
  const end = x < 0 ? COLD : WARM;
  const mixed = NEUTRAL.map((c, k) => Math.round(c + (end[k] - c) * share));
  return { ground: `rgb(${mixed.join(", ")})`, ink: luminance(mixed) > 0.18 ? "#000000" : "#ffffff" };
}

function luminance(rgb) {
  const [r, g, b] = rgb.map((c) => {
    const share = c / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
