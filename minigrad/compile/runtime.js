  const arrays = (sizes) => {
    const made = [];
    for (const size of sizes) {
      made.push(Array.isArray(size) ? made[size[0]].subarray(size[1]) : new Float64Array(size));
    }
    return made;
  };
  /* Entries that are held stay what they are, NaN lets the others through; nothing goes back. */
  const hold = (held, out, x) => {
    for (let i = 0; i < out.length; i++) out[i] = held && held[i] === held[i] ? held[i] : x[i];
  };
  const release = (held, out, g) => {
    for (let i = 0; i < out.length; i++) out[i] = held && held[i] === held[i] ? 0 : g[i];
  };
  /* Places that are computed: a place that there is not is -1, whose entry is NaN. */
  const locate = (out, base, parts) => {
    for (let i = 0; i < out.length; i++) {
      let place = base[i];
      for (const [index, map, step, size] of parts) {
        const k = index[map[i]], from = k < 0 ? k + size : k;
        place = place >= 0 && from >= 0 && from < size ? place + step * from : -1;
      }
      out[i] = place;
    }
  };
  /* Numbers in order, NaN last; and the place of the first that is largest, or NaN. */
  const before = (x, y) => (x < y ? -1 : x > y ? 1 : x === y ? 0 : (x !== x) - (y !== y));
  const order = (out, a, n) => {
    for (let i = 0; i < a.length; i += n) {
      const row = a.subarray(i, i + n);
      out.set(Array.from(row, (_, k) => k).sort((j, k) => before(row[j], row[k])), i);
    }
  };
  const first = (out, a, n, sign) => {
    for (let i = 0; i < out.length; i++) {
      let best = 0;
      for (let k = 1; k < n; k++) {
        const now = a[i * n + best], next = a[i * n + k];
        if (now === now && (next !== next || sign * next > sign * now)) best = k;
      }
      out[i] = best;
    }
  };
  const sigmoid = (x) => {
    const e = Math.exp(-Math.abs(x));
    return (x >= 0 ? 1 : e) / (1 + e);
  };
  const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
  const logaddexp = (a, b) => (a === b ? a + Math.LN2
    : Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b))));
  const power = (a, b) => (a === 1 ? 1 : Math.abs(a) === 1 && Math.abs(b) === Infinity ? 1 : a ** b);
  const copysign = (a, b) => (b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a));
  const exact = (x) => (Math.abs(x) <= Number.MAX_SAFE_INTEGER ? x : NaN);
  const modulo = (a, b) => {
    const rest = a % b;
    return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
  };
  const quotient = (a, b) => {
    const whole = (a - modulo(a, b)) / b, low = Math.floor(whole);
    return whole - low > 0.5 ? low + 1 : low;
  };
  const rounded = (x) => {
    const low = Math.floor(x), rest = x - low;
    return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
  };
  /* The error function: its series of positive terms, and a continued fraction in the tail. */
  const erf = (x) => {
    const size = Math.abs(x);
    if (!(size < 6)) return size >= 6 ? Math.sign(x) : x;
    const scale = Math.exp(-x * x) / Math.sqrt(Math.PI);
    if (size < 3) {
      let term = 2 * x, total = term;
      for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(total); n++) {
        term *= (2 * x * x) / (2 * n + 1);
        total += term;
      }
      return scale * total;
    }
    let below = size;
    for (let n = 60; n > 0; n--) below = size + n / 2 / below;
    return Math.sign(x) * (1 - scale / below);
  };
