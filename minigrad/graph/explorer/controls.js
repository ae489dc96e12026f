// What a reader may change: entries of the chosen value; and training.

import { index, written } from "./numbers.js";
import { html, svg } from "./elements.js";

const LISTED = 64; // entries that are chosen from a list; of more, by their places
const SHARES = new Set(["sigmoid", "softmax"]);

export class Controls {
  /** @param changed called after a number has been changed */
  constructor(scene, words, changed) {
    Object.assign(this, { scene, live: scene.live, words, changed, number: undefined });
    this.root = html("section", { class: "change", "data-part": "change" });
  }

  /** The controls of a node; those that are there already if it is the same one. */
  show(number, alike) {
    const { live, words } = this;
    this.alike = alike;
    if (number !== this.number || words("change") !== this.title) {
      this.number = number;
      this.title = words("change");
      this.root.replaceChildren(html("h3", {}, words(live.isLeaf(number) || !live.canChange(number) ? "change" : "hold")));
      if (live.canChange(number)) this.#build();
      else this.root.append(html("p", { class: "note" }, words(live.given.followed ? "follows" : "fixed")));
    }
    this.update();
    return this.root;
  }

  #build() {
    const { live, words, number } = this, node = this.scene.node(number);
    const size = live.value(number).length, leaf = live.isLeaf(number);
    const whole = live.whole(number);
    const option = (value, text) => html("option", { value }, text);
    const each = size > LISTED ? [option("one", words("one_entry"))]
      : Array.from({ length: size }, (_, k) => option(String(k), `[${index(k, node.shape).join(", ")}]`));
    this.places = (size > LISTED ? node.shape : []).map((length, axis) => html("input", {
      type: "number", min: 0, max: length - 1, step: 1, value: 0, "aria-label": words("axis", axis) }));
    for (const place of this.places) place.oninput = () => this.update();
    const every = [option("all", words("all_entries")), ...(leaf && whole === undefined ? [option("times", words("times"))] : [])];
    this.which = html("select", {}, ...(leaf ? [...each, ...every] : [...every, ...each]));
    this.slider = html("input", { type: "range", "aria-label": words("value") });
    this.typed = html("input", { type: "number", step: "any", "aria-label": words("typed") });
    this.back = html("button", { type: "button" }, words(leaf ? "restore" : "release"));
    this.note = html("p", { class: "note" });
    this.every = html("input", { type: "checkbox" });
    const values = live.value(number), largest = values.reduce((most, x) => (Math.abs(x) < 1e9 ? Math.max(most, Math.abs(x)) : most), 0);
    const most = node.primitive === "tanh" ? 1 : Number((Math.max(1, 2 * largest)).toPrecision(2));
    this.range = SHARES.has(node.primitive) ? [0, 1] : whole ? [0, whole - 1] : [-most, most];
    this.grain = whole === undefined ? (this.range[1] - this.range[0]) / 200 : 1;
    this.which.onchange = () => this.update();
    this.slider.oninput = () => this.#set(Number(this.slider.value));
    this.typed.oninput = () => {
      if (Number.isFinite(this.typed.valueAsNumber)) this.#set(this.typed.valueAsNumber);
    };
    this.back.onclick = () => {
      this.#each((node) => live.restore(node));
      this.factor = 1;
      this.changed();
      this.slider.focus({ preventScroll: true });
    };
    this.factor = 1;
    this.root.append(
      ...(size > 1 ? [html("div", { class: "set" }, html("label", {}, words("entries_of"), this.which), ...this.places)] : []),
      html("div", { class: "set" }, this.slider, this.typed), this.back,
      ...(this.alike.length > 1 ? [html("label", {}, this.every, words("every_step"))] : []), this.note);
    if (size === 1) this.which.value = "0";
  }

  /** The number of the entry that is chosen; null for all of them. */
  #entry() {
    const which = this.which.value, { shape } = this.scene.node(this.number);
    if (which === "all") return null;
    if (which !== "one") return Number(which);
    const within = (place, length) => Math.min(length - 1, Math.max(0, Math.trunc(place.valueAsNumber || 0)));
    return this.places.reduce((flat, place, axis) => flat * shape[axis] + within(place, shape[axis]), 0);
  }

  #set(x) {
    const { live } = this, which = this.which.value;
    if (which === "times") this.factor = x;
    this.#each((node) => {
      if (which === "times") live.scale(node, x);
      else live.set(node, this.#entry(), x);
    });
    this.changed();
  }

  /** The node, or the same at every step. */
  #each(change) {
    for (const node of this.every.checked ? this.alike : [this.number]) change(node);
  }

  /** Show the numbers as they are now. */
  update() {
    const { live, number, words } = this;
    if (!live.canChange(number)) return;
    const which = this.which.value, values = live.value(number), factors = which === "times";
    const mean = () => values.reduce((a, b) => a + b, 0) / values.length;
    const x = factors ? this.factor : which === "all" ? mean() : values[this.#entry()];
    for (const place of this.places) place.hidden = which !== "one";
    const [low, high] = factors ? [0, 3] : this.range;
    Object.assign(this.slider, { min: Math.min(low, x), max: Math.max(high, x), step: factors ? 0.015 : this.grain });
    this.slider.value = x;
    this.slider.setAttribute("aria-valuetext", written(x));
    if (document.activeElement !== this.typed) this.typed.value = Number(x.toPrecision(6));
    const changed = live.isChanged(number);
    this.back.disabled = !changed;
    this.note.textContent = changed && !live.isLeaf(number) ? words("is_held") : "";
  }
}

/** L, a step of gradient descent, and the curve of L over the steps. */
export class Training {
  constructor(live, words, changed) {
    Object.assign(this, { live, words, changed });
    const button = (call) => {
      const made = html("button", { type: "button" });
      made.onclick = call;
      return made;
    };
    this.at = html("output");
    this.rate = html("input", { type: "number", min: "0", step: "any", value: "0.5" });
    this.label = html("span");
    this.step = button(() => this.#train(1));
    this.steps = button(() => this.#train(20));
    this.back = button(() => {
      live.reset();
      changed();
    });
    this.curve = svg("svg", { class: "curve", viewBox: "0 0 120 30", role: "img" });
    this.fixed = html("span", { class: "note" });
    this.warning = html("p", { class: "warning", role: "alert" });
    const rate = html("label", {}, this.label, this.rate);
    const parts = live.loss === null ? [this.back] : [this.at, this.step, this.steps, this.back, this.curve, rate];
    this.root = html("div", { class: "group training" }, ...parts, this.fixed);
    this.speak();
  }

  #train(steps) {
    const rate = this.rate.valueAsNumber;
    if (!Number.isFinite(rate)) return;
    for (let k = 0; k < steps; k++) this.live.train(rate);
    this.changed();
  }

  speak() {
    const { words } = this;
    this.label.textContent = words("rate");
    this.step.textContent = words("train");
    this.steps.textContent = "× 20";
    this.steps.setAttribute("aria-label", words("train_many", 20));
    this.back.textContent = words("reset");
    const fixed = this.live.fixed().map((name) => `, ${name}`).join("");
    this.fixed.textContent = this.live.given.followed ? "" : words("stay_short", fixed);
    this.fixed.title = this.live.given.followed ? "" : words("stay", fixed);
    this.update();
  }

  update() {
    const { live, words } = this, { losses } = live;
    const said = [["stale", live.stale()], ["not_taken", live.refused()]].filter(([, found]) => found.length);
    this.warning.textContent = said.map(([key, found]) => words(key, found.join("; "))).join(" ");
    if (live.loss === null) return;
    this.at.textContent = `L = ${written(live.loss)}`;
    const top = Math.max(...losses.filter(Number.isFinite), 1e-300), last = Math.max(losses.length - 1, 1);
    const points = losses.map((x, k) => `${(120 * k) / last},${Number.isFinite(x) ? 29 - 28 * Math.max(0, x / top) : 1}`);
    this.curve.setAttribute("aria-label", words("curve", Math.max(losses.length - 1, 0)));
    this.curve.replaceChildren(svg("polyline", { points: points.join(" ") }));
  }
}
