// A graph that computes: its arrays, what the reader has changed in them, and training.

const MOST = 64, GRID = 8; // entries that are shown, rows and columns of a heat map: as in record/summary.py
const WORDS_OF = { inf: Infinity, "-inf": -Infinity, nan: NaN };

export class Live {
  /** @param data the payload, whose nodes get their numbers from here; @param program see compile/javascript_code.py */
  constructor(data, program) {
    Object.assign(this, { data, program, given: data.live, held: [], losses: [] });
    data.nodes.forEach((node, k) => {
      const [value, gradient, partials] = this.given.nodes[k];
      const { shape } = data.kinds[node.kind];
      Object.defineProperties(node, {
        value: { get: () => this.#shown(value, shape) },
        gradient: { get: () => (gradient === null ? null : this.#shown(gradient, shape)) },
        partials: { get: () => partials?.map((array) => this.#shown(array, shape)) },
      });
    });
    this.reset();
    this.seen = Object.values(this.given.looks).map((places) => places.map((place) => Float64Array.from(program.arrays[place])));
  }

  /** Everything as it was recorded. */
  reset() {
    for (const node of Object.keys(this.given.leaves)) this.restore(node);
    this.held.length = 0;
    this.losses.length = 0;
    this.compute();
  }

  compute() {
    this.program.run(this.held);
  }

  get loss() {
    return this.given.loss === null ? null : this.program.arrays[this.given.loss][0];
  }

  /** The entries of a node's value, as they are now. */
  value(node) {
    return this.program.arrays[this.given.nodes[node][0]];
  }

  gradient(node) {
    const place = this.given.nodes[node][1];
    return place === null ? null : this.program.arrays[place];
  }

  /** What an operation sends back to its operand at a position. */
  sent(node, position) {
    const place = this.given.nodes[node][3][position] ?? null;
    return place === null ? null : this.program.arrays[place];
  }

  /** What L itself sends back to a node that it reads. */
  direct(node) {
    return (this.given.direct[node] ?? []).filter((place) => place !== null).map((place) => this.program.arrays[place]);
  }

  isLeaf(node) {
    return node in this.given.leaves;
  }

  /** What the leaves are called that stay as they were recorded: masks, and whole numbers. */
  fixed() {
    const stays = (node, k) => node.operands === undefined && !this.isLeaf(k);
    return [...new Set(this.data.nodes.filter(stays).map((node) => this.data.kinds[node.kind].label))];
  }

  /** The lines of code that looked at numbers which are others now. */
  stale() {
    return Object.entries(this.given.looks).flatMap(([line, places], k) => {
      const before = this.seen[k];
      return places.some((place, n) => this.program.arrays[place].some((x, i) => !Object.is(x, before[n][i]))) ? [line] : [];
    });
  }

  /** The operations that do not take the numbers of now. */
  refused() {
    const fails = (place) => this.program.arrays[place].some((x) => x === 0);
    return Object.entries(this.given.checks).flatMap(([label, places]) => (places.some(fails) ? [label] : []));
  }

  /** Whether a reader may change it: what was made of other leaves, and what is another node seen otherwise, may not. */
  canChange(node) {
    return this.isLeaf(node) || (this.data.nodes[node].operands !== undefined && !this.given.fixed.includes(Number(node)));
  }

  /** Of a leaf of whole numbers, from which on there are no more (0 if any may be); else undefined. */
  whole(node) {
    return this.given.leaves[node]?.[2];
  }

  /** Set an entry, or all of them (null); a value that is computed is held there. */
  set(node, entry, x) {
    const leaf = this.given.leaves[node];
    if (!leaf) this.held[node] ??= new Float64Array(this.value(node).length).fill(NaN);
    const array = leaf ? this.program.arrays[leaf[0]] : this.held[node], most = this.whole(node);
    if (most !== undefined) x = most ? Math.min(Math.max(0, Math.round(x)), most - 1) : Math.round(x);
    if (entry === null) array.fill(x);
    else array[entry] = x;
  }

  /** A leaf as it was recorded, times a factor. */
  scale(node, factor) {
    const [place, entries] = this.given.leaves[node], array = this.program.arrays[place];
    entries.forEach((x, k) => { array[k] = factor * real(x); });
  }

  /** A leaf as it was recorded; a value computed again. */
  restore(node) {
    if (this.isLeaf(node)) this.scale(node, 1);
    else delete this.held[node];
  }

  isHeld(node, entry) {
    return this.held[node] !== undefined && !Number.isNaN(this.held[node][entry]);
  }

  isHeldAnywhere(node) {
    return this.held[node] !== undefined;
  }

  isChanged(node) {
    if (!this.isLeaf(node)) return this.held[node] !== undefined;
    const [place, entries] = this.given.leaves[node], array = this.program.arrays[place];
    return entries.some((x, k) => !Object.is(real(x), array[k]));
  }

  /** One step of gradient descent: on the parameters, or where there are none on all inputs. */
  train(rate) {
    if (!this.losses.length) this.losses.push(this.loss);
    const trained = Object.keys(this.given.leaves).filter((node) => this.gradient(node) !== null);
    const kind = (node) => this.data.kinds[this.data.nodes[node].kind].kind;
    const parameters = trained.filter((node) => kind(node) === "parameter");
    const steps = (parameters.length ? parameters : trained).map((node) => [this.value(node), this.gradient(node)]);
    for (const [value, gradient] of steps) for (let k = 0; k < value.length; k++) value[k] -= rate * gradient[k];
    this.compute();
    this.losses.push(this.loss);
  }

  /** What has been changed, as JSON holds it. */
  state() {
    const held = Object.entries(this.held).map(([node, array]) => [node, [...array].map((x) => (Number.isNaN(x) ? null : x))]);
    const leaves = Object.keys(this.given.leaves).filter((node) => this.isChanged(node)).map((node) => [node, [...this.value(node)]]);
    return held.length + leaves.length ? Object.fromEntries([...held, ...leaves]) : undefined;
  }

  /** Take such changes over; what is none of this graph is left out. */
  take(state) {
    this.reset();
    for (const [node, entries] of Object.entries(state ?? {})) {
      if (!(node in this.given.nodes) || !this.canChange(node) || entries?.length !== this.value(node).length) continue;
      entries.forEach((x, k) => { if (typeof x === "number") this.set(node, k, x); });
    }
    this.compute();
  }

  /** An array as the payload holds it: its entries, or their gist. */
  #shown(place, shape) {
    const array = this.program.arrays[place];
    if (array.length <= MOST) return Array.from(array, listed);
    const finite = array.filter(Number.isFinite), none = finite.length === 0;
    let min = Infinity, max = -Infinity, sum = 0;
    for (const x of finite) {
      min = Math.min(min, x);
      max = Math.max(max, x);
      sum += x;
    }
    return {
      min: none ? "nan" : min, mean: none ? "nan" : sum / finite.length, max: none ? "nan" : max,
      nonfinite: array.length - finite.length, grid: grid(array, shape.at(-1) ?? 1),
    };
  }
}

/** Means of blocks of a matrix, at most 8 × 8. */
function grid(array, width) {
  const height = array.length / width, rows = Math.min(height, GRID), columns = Math.min(width, GRID);
  const edge = (k, parts, length) => Math.floor((k * length) / parts);
  return Array.from({ length: rows }, (_, r) => Array.from({ length: columns }, (_, c) => {
    let sum = 0, count = 0;
    for (let i = edge(r, rows, height); i < edge(r + 1, rows, height); i++) {
      for (let j = edge(c, columns, width); j < edge(c + 1, columns, width); j++) {
        const x = array[i * width + j];
        if (Number.isFinite(x)) [sum, count] = [sum + x, count + 1];
      }
    }
    return count ? sum / count : "nan";
  }));
}

function real(x) {
  return typeof x === "number" ? x : WORDS_OF[x];
}

function listed(x) {
  if (Number.isFinite(x)) return x;
  return Number.isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf";
}
