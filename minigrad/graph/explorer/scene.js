// The figure's parts, their numbers and their places. Folding a step compresses its stretch of the x axis, and
// everything, arrows too, is drawn through that one map.

import { Live } from "./live.js";

const FOLDED = 64; // width of a folded step

export class Scene {
  /** @param data the payload, see payload.py; @param program what computes its numbers, or null */
  constructor(data, program) {
    this.data = data;
    this.live = program && new Live(data, program);
    this.readers = data.nodes.map(() => []); // of each node: [operation, position]
    data.nodes.forEach(({ operands = [] }, number) => operands.forEach((operand, position) => {
      if (!Array.isArray(operand)) this.readers[operand].push([number, position]);
    }));
    this.steps = data.steps;
    this.folded = new Set();
    this.items = []; // all that can be selected, steps first, in the order of the payload
    this.starts = []; // of each step's items
    for (const [number, step] of [...data.steps, data.loose].entries()) {
      this.starts.push(this.items.length);
      const template = data.templates[step.template];
      template.items.forEach(([kind, x, y, w, h], place) => {
        const [lines, nodes] = step.items[place];
        this.items.push({
          number: this.items.length, step: number < data.steps.length ? number : null,
          kind, x: x + step.x, y, w, h, nodes,
          lines: lines.slice(0, -1), tooltip: lines[lines.length - 1],
        });
      });
    }
    // a folded step gives its width away, unless another step has a part of it
    this.apart = this.steps.every((step, k) => k === 0 || this.steps[k - 1].x + this.steps[k - 1].w <= step.x + 1);
    this.order = this.#inOrder();
    this.#measure();
  }

  node(number) {
    const node = this.data.nodes[number];
    return Object.assign(Object.create(node), { number }, this.data.kinds[node.kind]);
  }

  /** The same line of code at every step: the numbers of nodes, in the order of the steps. */
  alike(item, number = item.nodes.at(-1)) {
    const inner = item.nodes.indexOf(number);
    if (item.step === null || inner < 0) return [number];
    const sign = ({ kind, nodes }) => `${kind} ${nodes.map((node) => this.data.nodes[node].kind)}`;
    const same = (step) => this.itemsOf(step).filter((other) => sign(other) === sign(item));
    const place = same(item.step).indexOf(item);
    return this.steps.flatMap((_, step) => same(step)[place]?.nodes[inner] ?? []);
  }

  /** Items of a step; of what is outside of steps, for null. */
  itemsOf(step) {
    const place = step ?? this.steps.length;
    return this.items.slice(this.starts[place], this.starts[place + 1] ?? this.items.length);
  }

  /** Arrows into the items of a step: their ends as items, and their points. */
  arrowsOf(step) {
    const place = step ?? this.steps.length;
    const own = step === null ? this.data.loose : this.steps[step];
    return this.data.templates[own.template].arrows.map(([source, target, points]) => {
      return {
        from: this.items[this.#source(place, source)], to: this.items[this.starts[place] + target],
        points: points.map((c, k) => (k % 2 ? c : this.across(c + own.x))),
      };
    });
  }

  /** The number of an arrow's source: in the same step, in one before it, or outside of steps. */
  #source(place, source) {
    if (!Array.isArray(source)) return this.starts[place] + source;
    const [back, k] = source;
    return this.starts[back === "loose" ? this.steps.length : place - back] + k;
  }

  /** Where a place on the unfolded x axis is drawn. */
  across(x) {
    if (!this.apart) return x;
    const k = this.#stepLeftOf(x);
    if (k < 0) return x;
    const { x: left, w } = this.steps[k];
    if (!this.folded.has(k)) return x - this.shrunk[k];
    return x < left + w ? left - this.shrunk[k] + ((x - left) * FOLDED) / w : x - this.shrunk[k + 1];
  }

  /** The box of a step's frame as it is drawn. */
  frame(k) {
    const { x, w, template } = this.steps[k];
    const { y, h } = this.data.templates[template];
    return { x: this.across(x), y, w: this.folded.has(k) && this.apart ? FOLDED : w, h };
  }

  /** The cells of a step, each with its name, as they are drawn; in a folded step that is all there is. */
  cells(k) {
    return this.steps[k].cells.map((cell) => this.#titled(cell, this.steps[k].x));
  }

  /** The frames around modules. */
  titles() {
    return this.data.titles.map((title) => this.#titled(title, 0));
  }

  #titled([name, x, y, w, h], left) {
    const from = this.across(left + x - w / 2), to = this.across(left + x + w / 2);
    return { name, x: from, y: y - h / 2, w: to - from, h };
  }

  /** The middle of an item as it is drawn. */
  place(item) {
    return { x: this.across(item.x), y: item.y };
  }

  fold(k, fold) {
    if (fold) this.folded.add(k);
    else this.folded.delete(k);
    this.#measure();
  }

  /** First and last step of those that a stretch of the drawn x axis touches. */
  between(left, right) {
    if (!this.apart) return [0, this.steps.length - 1];
    let first = 0, last = this.steps.length - 1;
    const search = (test) => {
      let low = 0, high = this.steps.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (test(this.frame(middle))) high = middle;
        else low = middle + 1;
      }
      return low;
    };
    first = search((frame) => frame.x + frame.w >= left);
    last = search((frame) => frame.x > right) - 1;
    return [first, last];
  }

  hidden(item) {
    return item.step !== null && this.folded.has(item.step);
  }

  #stepLeftOf(x) {
    let low = 0, high = this.steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.steps[middle].x <= x) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** How far everything after the first k steps has moved left, and the box around it all. */
  #measure() {
    this.shrunk = [0];
    this.steps.forEach((step, k) => {
      this.shrunk.push(this.shrunk[k] + (this.folded.has(k) && this.apart ? step.w - FOLDED : 0));
    });
    const boxes = this.itemsOf(null).map(({ x, y, w, h }) => ({ x: this.across(x) - w / 2, y: y - h / 2, w, h }));
    for (const k of this.apart ? [0, this.steps.length - 1] : this.steps.keys()) if (this.steps[k]) boxes.push(this.frame(k));
    boxes.push(...this.titles());
    const left = Math.min(...boxes.map((b) => b.x)), top = Math.min(...boxes.map((b) => b.y));
    this.bounds = {
      x: left, y: top,
      w: Math.max(...boxes.map((b) => b.x + b.w)) - left,
      h: Math.max(...boxes.map((b) => b.y + b.h)) - top,
    };
  }

  /** Items as they were computed; what comes in, and what is no operation, just before it is read. */
  #inOrder() {
    const waits = (item) => !item.nodes.length || item.kind === "input" || this.data.nodes[item.nodes.at(-1)].operands === undefined;
    const rank = this.items.map((item) => (waits(item) ? Infinity : item.nodes.at(-1)));
    for (const joined of [true, false]) { // joined lines first: they read what comes in
      for (let place = 0; place <= this.steps.length; place++) {
        for (const [source, target] of this.data.templates[(this.steps[place] ?? this.data.loose).template].arrows) {
          const from = this.#source(place, source);
          if (!waits(this.items[from]) || (this.items[from].nodes.length === 0) !== joined) continue;
          rank[from] = Math.min(rank[from], rank[this.starts[place] + target] - 0.25);
        }
      }
    }
    return this.items.map((_, k) => k).sort((a, b) => rank[a] - rank[b] || a - b);
  }
}
