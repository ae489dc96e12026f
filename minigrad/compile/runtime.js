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
  /* exp(x²) erfc(x); from 2 on by the continued fraction. */
  const erfcx = (x) => {
    if (x < 2) return Math.exp(x * x) * (1 - erf(x));
    let below = x;
    for (let n = 80; n > 0; n--) below = x + n / 2 / below;
    return 1 / (Math.sqrt(Math.PI) * below);
  };
  const erfc = (x) => (x < 2 ? 1 - erf(x) : Math.exp(-x * x) * erfcx(x));
  const logNdtr = (x) => (x < -1 ? Math.log(erfcx(-x * Math.SQRT1_2) / 2) - (x * x) / 2
    : Math.log1p(-erfc(x * Math.SQRT1_2) / 2));
  /* The normal quantile: a first guess by logarithms, and Newton's steps on the smaller tail. */
  const ndtri = (p) => {
    if (!(p > 0 && p < 1)) return p === 0 ? -Infinity : p === 1 ? Infinity : NaN;
    if (p > 0.5) return p > 0.9 ? -ndtri(1 - p) : refined(p, 0);
    return refined(p, p < 0.1 ? -Math.sqrt(-2 * Math.log(p)) + 1 : 0);
  };
  const refined = (p, x) => {
    const aim = Math.log(p);
    for (let k = 0; k < 60; k++) {
      const now = logNdtr(x), step = (now - aim) / Math.exp(-(x * x) / 2 - now) * Math.sqrt(2 * Math.PI);
      x -= step;
      if (Math.abs(step) <= 1e-16 * Math.abs(x)) break;
    }
    return x;
  };
  const erfinv = (x) => {
    if (Math.abs(x) > 0.5) return Math.sign(x) * -ndtri((1 - Math.abs(x)) / 2) * Math.SQRT1_2;
    let y = (x * Math.sqrt(Math.PI)) / 2;
    for (let k = 0; k < 30; k++) y -= ((erf(y) - x) * Math.sqrt(Math.PI) * Math.exp(y * y)) / 2;
    return y;
  };
  /* The gamma function after Lanczos, with the coefficients for g = 7. */
  const LANCZOS = [676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406,
    12.507343278686905, -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7];
  const lanczos = (x) => LANCZOS.reduce((sum, c, k) => sum + c / (x + k + 1), 0.9999999999998099);
  const gammaln = (x) => {
    if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * x))) - gammaln(1 - x);
    const t = x + 6.5;
    return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(lanczos(x - 1));
  };
  const gamma = (x) => {
    if (x < 0.5) return Math.PI / (Math.sin(Math.PI * x) * gamma(1 - x));
    const t = x + 6.5, half = t ** ((x - 0.5) / 2);
    return Math.sqrt(2 * Math.PI) * half * Math.exp(-t) * half * lanczos(x - 1);
  };
  /* Euler–Maclaurin's sums: B₂, B₄, … over (2k)!, and for the digamma function over 2k. */
  const BERNOULLI = [1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510];
  const zeta = (s, q) => {
    let sum = 0, top = q;
    for (; top < q + 12; top++) sum += top ** -s;
    sum += top ** (1 - s) / (s - 1) + 0.5 * top ** -s;
    let term = s * top ** (-s - 1) / 2;
    BERNOULLI.forEach((b, k) => {
      sum += b * term;
      term *= ((s + 2 * k + 1) * (s + 2 * k + 2)) / ((2 * k + 3) * (2 * k + 4) * top * top);
    });
    return sum;
  };
  const digamma = (x) => {
    if (x <= 0) return digamma(1 - x) - Math.PI / Math.tan(Math.PI * x);
    let sum = 0;
    for (; x < 12; x++) sum -= 1 / x;
    return BERNOULLI.reduce((rest, b, k) => rest - b / ((2 * k + 2) * x ** (2 * k + 2)),
      sum + Math.log(x) - 0.5 / x);
  };
  const polygamma = (n, x) => {
    if (n === 0) return digamma(x);
    let factor = n % 2 ? 1 : -1;
    for (let k = 2; k <= n; k++) factor *= k;
    return factor * (x > 0 ? zeta(n + 1, x) : NaN);
  };
  /* Gauss's elimination with pivots, of each matrix of a stack beside columns; gives determinants. */
  const eliminated = (a, n, columns = [], width = 0) => {
    let sign = 1, size = 0;
    for (let k = 0; k < n; k++) {
      let best = k;
      for (let i = k + 1; i < n; i++) if (Math.abs(a[i * n + k]) > Math.abs(a[best * n + k])) best = i;
      for (const [m, w] of [[a, n], [columns, width]]) {
        for (let j = 0; j < w && best !== k; j++) [m[k * w + j], m[best * w + j]] = [m[best * w + j], m[k * w + j]];
      }
      const pivot = a[k * n + k];
      sign *= (best === k ? 1 : -1) * Math.sign(pivot);
      size += Math.log(Math.abs(pivot));
      for (let i = width ? 0 : k + 1; i < n; i++) {
        if (i === k) continue;
        const factor = a[i * n + k] / pivot;
        for (let j = k; j < n; j++) a[i * n + j] -= factor * a[k * n + j];
        for (let j = 0; j < width; j++) columns[i * width + j] -= factor * columns[k * width + j];
      }
    }
    for (let i = 0; i < n; i++) for (let j = 0; j < width; j++) columns[i * width + j] /= a[i * n + i];
    return [sign, size];
  };
  const solve = (out, a, b, n, width) => {
    for (let k = 0; k < out.length / (n * width); k++) {
      const columns = b.slice(k * n * width, (k + 1) * n * width);
      eliminated(a.slice(k * n * n, (k + 1) * n * n), n, columns, width);
      out.set(columns, k * n * width);
    }
  };
  const inv = (out, a, n) => {
    const one = new Float64Array(out.length).map((_, k) => +((k % (n * n)) % (n + 1) === 0));
    solve(out, a, one, n, n);
  };
  const determinants = (out, a, n, whole) => {
    for (let k = 0; k < out.length; k++) {
      const matrix = a.slice(k * n * n, (k + 1) * n * n), [sign, size] = eliminated(matrix, n);
      out[k] = whole ? sign : size;
      for (let i = 0; i < n && whole; i++) out[k] *= Math.abs(matrix[i * (n + 1)]);
    }
  };
  const cholesky = (out, a, n) => {
    out.fill(0);
    for (let k = 0; k < out.length; k += n * n) for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) {
      let sum = a[k + i * n + j];
      for (let m = 0; m < j; m++) sum -= out[k + i * n + m] * out[k + j * n + m];
      out[k + i * n + j] = i === j ? Math.sqrt(sum) : sum / out[k + j * n + j];
    }
  };
