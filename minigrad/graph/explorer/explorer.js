// A figure put together: toolbar, drawing, details, keyboard, and play.

import { LANGUAGES, preferred, say } from "./words.js";
import { Scene } from "./scene.js";
import { Drawing } from "./drawing.js";
import { Training } from "./controls.js";
import { html } from "./elements.js";
import { gist, written } from "./numbers.js";
import { Panel } from "./panel.js";

const LONGEST_LINK = 30_000; // characters
const MOST_DOTS = 16_000; // of a PNG: browsers have no larger canvas
const BEAT = 700; // milliseconds from one operation to the next
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Explorer {
  constructor(root, data, program) {
    this.root = root;
    root.explorer = this;
    this.language = preferred();
    this.words = (key, ...parts) => say(this.language, key, ...parts);
    this.chosen = null; // an item
    this.shown = undefined; // the number of a node that the panel shows instead of the item's own
    this.inner = undefined; // the same, where it is drawn in the item
    this.open = new Set(); // expanded gates
    this.played = null; // how many operations play has come past, of those in scene.order
    this.playing = null;
    this.scene = new Scene(data, program);
    this.drawing = new Drawing(this.scene, root.id, {
      name: (item, node) => this.#name(item, node),
      folded: () => this.words("folded"),
      isOpen: (item) => this.open.has(item.number),
      state: (item, node) => this.#state(item, node),
      heat: (item, what) => this.#heat(item, what),
      tip: (item, node) => this.#tip(item, node),
      choose: (item, node) => this.choose(item, node),
      fold: (k) => this.fold(k),
      resized: () => this.#reveal(),
    });
    const changed = () => this.changed();
    this.panel = new Panel(this.scene, this.words, (item, node) => this.choose(item, node), changed);
    this.panel.moved = () => this.#link();
    this.training = this.scene.live && new Training(this.scene.live, this.words, changed);
    this.#build();
    this.#speak();
    this.drawing.fit();
    this.#follow();
    addEventListener("hashchange", () => this.#follow());
  }

  // The address: what is chosen and changed, so that a link leads there

  #follow() {
    const state = linked()[this.root.id];
    if (!state || JSON.stringify(state) === JSON.stringify(this.#address())) return;
    this.scene.live?.take(state.changes);
    this.training?.update();
    const watched = Array.isArray(state.watched) ? state.watched : [];
    this.panel.watched = watched.filter((number) => this.scene.data.nodes[number]);
    this.choose(this.scene.items[state.item] ?? null, undefined, false);
  }

  #address() {
    const item = this.chosen?.number, changes = this.scene.live?.state();
    const watched = this.panel.watched.length ? this.panel.watched : undefined;
    return item === undefined && !changes && !watched ? undefined : { item, changes, watched };
  }

  /** A moment after the last change: browsers let an address change only so often. */
  #link() {
    clearTimeout(this.linking);
    this.linking = setTimeout(() => {
      const hash = encodeURIComponent(JSON.stringify({ ...linked(), [this.root.id]: this.#address() }));
      history.replaceState(null, "", `#${hash === "%7B%7D" || hash.length > LONGEST_LINK ? "" : hash}`);
    }, 400);
  }

  // Choosing

  choose(item, node, focus = true) {
    this.chosen = item;
    this.shown = item ? node : undefined;
    this.inner = item?.nodes.includes(node) ? node : undefined;
    if (this.inner !== undefined) this.open.add(item.number);
    if (item?.step !== null && item && this.scene.folded.has(item.step)) this.scene.fold(item.step, false);
    this.#reveal();
    this.drawing.redraw();
    this.drawing.mark();
    this.panel.show(item, node);
    if (item?.step !== null && item) this.#atStep(item.step);
    this.#buttons();
    this.#link();
    if (item && focus) (this.drawing.element(item.number, node) ?? this.panel.root).focus({ preventScroll: true });
  }

  /** Bring what is chosen into sight. */
  #reveal() {
    if (!this.chosen) return;
    const { x, y } = this.scene.place(this.chosen);
    this.drawing.reveal(x, y, this.chosen.w, this.chosen.h);
  }

  // Numbers

  /** Compute everything anew, once in a frame however many numbers have changed. */
  changed() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.scene.live.compute();
      this.panel.refresh();
      this.drawing.paint();
      this.training.update();
      this.#link();
    });
  }

  /** How warm or cold an item is, from −1 to 1: its mean, or the power of ten of its gradient. */
  #heat(item, what) {
    const number = item.nodes.at(-1), array = number === undefined ? null : this.scene.node(number)[what] ?? null;
    if (array === null) return null;
    const { min, mean, max } = gist(array);
    if (typeof mean !== "number") return null;
    if (what === "value") return Math.max(-1, Math.min(1, mean));
    const largest = Math.max(Math.abs(min), Math.abs(max));
    return largest === 0 ? 0 : Math.max(0.02, Math.min(1, 1 + Math.log10(largest) / 8));
  }

  /** A name, and what its numbers are like. */
  #tip(item, number = item.nodes.at(-1)) {
    const inner = number !== item.nodes.at(-1), said = [this.#name(item, inner ? number : undefined)];
    for (const what of number === undefined ? [] : ["value", "gradient"]) {
      const array = this.scene.node(number)[what] ?? null;
      if (array === null) continue;
      const { min, mean, max } = gist(array);
      said.push(`${this.words(what)}: ${min === max ? written(mean) : `${written(min)} … ${written(mean)} … ${written(max)}`}`);
    }
    return said.join("\n");
  }

  // Files

  /** The figure as a file, as it is now; as PNG at most so many dots wide and high. */
  #download(kind) {
    const { text, width, height } = this.drawing.whole(), url = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
    const save = (href) => {
      html("a", { href, download: `${this.scene.data.title.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60) || "graph"}.${kind}` }).click();
      setTimeout(() => URL.revokeObjectURL(href), 10_000);
    };
    if (kind === "svg") return save(url);
    const picture = new Image();
    picture.onload = () => {
      const scale = Math.min(2, MOST_DOTS / width, MOST_DOTS / height);
      const canvas = html("canvas", { width: Math.ceil(width * scale), height: Math.ceil(height * scale) });
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      URL.revokeObjectURL(url);
      canvas.toBlob((blob) => save(URL.createObjectURL(blob)));
    };
    picture.src = url;
  }

  /** The nearest item in a direction; inside a gate, the next operation. */
  move([dx, dy]) {
    const { chosen, scene } = this;
    if (!chosen) return this.choose(this.#first(this.#step()));
    if (this.inner !== undefined && dx) {
      const next = chosen.nodes[chosen.nodes.indexOf(this.inner) + dx];
      if (next !== undefined) return this.choose(chosen, next);
    }
    const from = scene.place(chosen), near = (chosen.step ?? 0);
    let best = null, least = Infinity;
    const candidates = [...scene.itemsOf(null)];
    const [first, last] = chosen.step === null ? scene.between(from.x - 900, from.x + 900) : [near - 1, near + 1];
    for (let k = Math.max(0, first); k <= Math.min(last, scene.steps.length - 1); k++) candidates.push(...scene.itemsOf(k));
    for (const item of candidates) {
      if (item === chosen || scene.hidden(item)) continue;
      const to = scene.place(item);
      const [x, y] = [to.x - from.x, to.y - from.y];
      const along = x * dx + y * dy, aside = Math.abs(x * dy) + Math.abs(y * dx);
      if (along < 1) continue;
      const cost = along + 2 * aside;
      if (cost < least) [best, least] = [item, cost];
    }
    if (best) this.choose(best);
  }

  // Folding

  fold(k, fold = !this.scene.folded.has(k)) {
    this.scene.fold(k, fold);
    if (fold && this.chosen?.step === k) this.choose(null);
    this.drawing.redraw();
    this.drawing.mark();
    this.#buttons();
    this.root.querySelector(`[data-fold="${k}"]`)?.focus({ preventScroll: true });
  }

  foldAll(fold) {
    this.scene.steps.forEach((_, k) => this.scene.fold(k, fold));
    if (fold && this.chosen?.step !== null) this.choose(null);
    this.drawing.fit();
    this.drawing.redraw();
    this.#buttons();
  }

  toggleGate() {
    if (this.chosen?.kind !== "layer") return;
    const { number } = this.chosen;
    if (!this.open.delete(number)) {
      this.open.add(number);
      if (this.drawing.scale < 1.6) this.drawing.zoom(1.6 / this.drawing.scale);
    }
    this.choose(this.chosen, undefined);
  }

  // Playing, one operation at a time

  advance(by) {
    const { order, items } = this.scene, last = order.length - 1;
    const now = this.played ?? (by > 0 ? -1 : order.length);
    const next = now + by;
    if (next < 0 || next > last) {
      this.pause();
      return this.say(this.words("end"));
    }
    this.played = next;
    const item = items[order[next]];
    if (item.step !== null && this.scene.folded.has(item.step)) this.scene.fold(item.step, false);
    this.choose(item, undefined, false);
    this.say(this.words("now", this.#name(item)));
  }

  play(by) {
    const again = this.playing?.by === by;
    this.pause();
    if (again) return;
    if (this.played === null || (by > 0 ? this.played >= this.scene.order.length - 1 : this.played <= 0)) this.played = null;
    this.turn(by < 0);
    this.playing = { by, timer: setInterval(() => this.advance(by), BEAT) };
    this.advance(by);
    this.#buttons();
  }

  pause() {
    clearInterval(this.playing?.timer);
    this.playing = null;
    this.#buttons();
  }

  stop() {
    this.pause();
    this.played = null;
    this.drawing.mark();
  }

  /** Let the arrows show the way of gradients, or of values. */
  turn(backward = !this.drawing.backward) {
    this.drawing.backward = backward;
    this.rank = null;
    this.drawing.redraw();
    this.#buttons();
  }

  #state(item, node) {
    const chosen = item === this.chosen && (node === undefined ? this.inner === undefined : Number(node) === this.inner);
    if (this.played === null) return { chosen, played: "" };
    this.rank ??= new Map(this.scene.order.map((number, k) => [number, k]));
    const place = this.rank.get(item.number);
    const done = this.drawing.backward ? place >= this.played : place <= this.played;
    return { chosen, played: done ? "done" : "todo" };
  }

  // Searching

  search(text, onward = 0) {
    const wanted = plain(text.trim());
    if (!wanted) return this.say("");
    const hits = this.scene.items.filter((item) => this.#text(item).includes(wanted));
    if (!hits.length) return this.say(this.words("nothing"));
    const now = hits.indexOf(this.chosen);
    const next = onward ? (now + onward + hits.length) % hits.length : Math.max(now, 0);
    this.choose(hits[next], undefined, false);
    this.say(this.words("found", next + 1, hits.length));
  }

  #text(item) {
    const inner = [...item.nodes, ...this.panel.parameters(item)].map((n) => {
      const { primitive, name, path } = this.scene.node(n), letter = { weight: "W", bias: "b" }[name];
      return `${primitive} ${name} ${path} ${letter ? `${letter}_${path.split(" › ").at(-1)}` : ""}`;
    });
    inner.push(...(this.panel.roles(item) ?? []));
    const t = item.step === null ? "" : `t = ${this.scene.steps[item.step].t}`;
    return plain([...item.lines, item.tooltip, t, this.#name(item), ...inner].join("\n"));
  }

  // The page

  #name(item, node) {
    const { words, scene } = this;
    if (node !== undefined) {
      const { label, primitive } = scene.node(node);
      return `${label === primitive ? label : `${label} (${primitive})`}, ${item.lines[0].slice(0, 80)}`;
    }
    const where = item.step === null ? words("outside") : words("at_step", scene.steps[item.step].t);
    const lines = item.lines.map((line) => line.slice(0, 80)).join(" "); // as it is seen
    return [lines, words(item.kind), where].join(", ");
  }

  say(sentence) {
    this.status.textContent = sentence;
  }

  #build() {
    const { steps, data } = this.scene;
    const button = (key, call, sign) => {
      const element = html("button", { type: "button", "data-key": key, "data-sign": sign ?? "" });
      element.onclick = call;
      return element;
    };
    this.buttons = {
      fit: button("fit", () => this.drawing.fit(), "⤢"),
      out: button("out", () => this.drawing.zoom(1 / 1.3), "−"),
      in: button("in", () => this.drawing.zoom(1.3), "+"),
      play_back: button("play_back", () => this.play(-1), "◀◀"),
      previous: button("previous", () => { this.pause(); this.advance(-1); }, "◀"),
      next: button("next", () => { this.pause(); this.advance(1); }, "▶"),
      play: button("play", () => this.play(1), "▶▶"),
      backward: button("backward", () => this.turn()),
      fold: button("fold", () => this.fold(this.#step())),
      fold_all: button("fold_all", () => this.foldAll(this.scene.folded.size < steps.length)),
      open: button("open", () => this.toggleGate()),
      svg: button("svg", () => this.#download("svg"), "SVG"),
      png: button("png", () => this.#download("png"), "PNG"),
    };
    this.slider = html("input", { type: "range", min: "0", max: String(Math.max(0, steps.length - 1)), value: "0" });
    this.slider.oninput = () => {
      this.#atStep(this.#step());
      this.drawing.goTo(this.#step());
      this.#buttons();
    };
    this.at = html("output");
    this.finder = html("input", { type: "search", autocomplete: "off", spellcheck: "false" });
    this.finder.oninput = () => this.search(this.finder.value);
    this.finder.onkeydown = (event) => {
      if (event.key === "Enter") this.search(this.finder.value, event.shiftKey ? -1 : 1);
    };
    const language = html("select", {}, ...Object.entries(LANGUAGES).map(([key, name]) => html("option", { value: key, lang: key }, name)));
    language.value = this.language;
    language.onchange = () => {
      this.language = language.value;
      this.#speak();
    };
    const heat = this.heat = html("select", {}, ...["", "value", "gradient"].map((value) => html("option", { value })));
    heat.onchange = () => {
      this.drawing.heat = heat.value;
      this.drawing.paint();
      this.panel.legend(heat.value);
      this.say(heat.value && this.words(`heat_${heat.value}`));
    };
    this.labels = { step: html("span"), search: html("span"), language: html("span"), colour: html("span") };
    this.status = html("p", { class: "status", role: "status" });
    const b = this.buttons, group = (...children) => html("div", { class: "group" }, ...children);
    const bar = html("div", { class: "bar" },
      group(b.out, b.in, b.fit), group(b.play_back, b.previous, b.next, b.play), group(b.backward, html("label", {}, this.labels.colour, heat)));
    if (steps.length) {
      bar.append(group(html("label", {}, this.labels.step, this.slider), this.at), group(b.fold, b.fold_all, b.open));
    } else bar.append(group(b.open));
    bar.append(group(html("label", {}, this.labels.search, this.finder)), group(b.svg, b.png));
    const title = html("h1", {}, html("bdi", {}, data.title));
    const body = html("div", { class: "body" }, this.drawing.root, this.panel.root);
    const top = html("div", { class: "top" }, title, this.status, html("label", {}, this.labels.language, language));
    const live = this.training ? [html("div", { class: "bar" }, this.training.root), this.training.warning] : [];
    this.root.append(html("header", {}, top, bar, ...live), body);
    this.drawing.root.addEventListener("keydown", (event) => this.#key(event));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const fold = event.target.closest("[data-fold]");
    const actions = {
      Enter: () => (fold ? this.fold(Number(fold.dataset.fold)) : this.#press(event.target)),
      " ": () => (fold ? this.fold(Number(fold.dataset.fold)) : this.#press(event.target)),
      f: () => this.scene.steps.length && this.fold(this.#step()),
      Escape: () => { this.stop(); this.choose(null); },
      Home: () => this.choose(this.scene.items[this.scene.order[0]]),
      End: () => this.choose(this.scene.items[this.scene.order.at(-1)]),
      "+": () => this.drawing.zoom(1.3), "-": () => this.drawing.zoom(1 / 1.3), 0: () => this.drawing.fit(),
    };
    const action = WAYS[event.key] ? () => this.move(WAYS[event.key]) : actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  /** Enter chooses a node; a second time, it opens or closes a gate. */
  #press(target) {
    const part = target.closest("[data-item]");
    if (!part) return;
    const item = this.scene.items[part.dataset.item], node = part.dataset.node && Number(part.dataset.node);
    if (item === this.chosen && node === undefined) this.toggleGate();
    else this.choose(item, node);
  }

  #step() {
    return Number(this.slider.value);
  }

  /** What is computed first in a step, or in the next that is not folded; else the first of all. */
  #first(step) {
    const { items, order } = this.scene;
    const inside = (number) => items[number].step >= step && !this.scene.hidden(items[number]);
    return items[(step > 0 ? order.find(inside) : undefined) ?? order[0]];
  }

  #atStep(k) {
    this.slider.value = String(k);
    const { steps } = this.scene;
    const text = steps.length ? this.words("of_steps", steps[k].t, steps.at(-1).t) : "";
    this.at.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
  }

  /** Write every word anew, in the language chosen. */
  #speak() {
    const { words } = this;
    this.root.setAttribute("lang", this.language);
    document.documentElement.lang = this.language;
    for (const [key, label] of Object.entries(this.labels)) label.textContent = words(key);
    for (const option of this.heat.options) option.textContent = words(`by_${option.value || "kind"}`);
    this.training?.speak();
    this.root.setAttribute("aria-label", this.scene.data.title.slice(0, 80));
    this.drawing.root.setAttribute("aria-label", words("graph", this.scene.data.title.slice(0, 80)));
    this.#atStep(this.#step());
    this.#buttons();
    this.drawing.redraw();
    this.panel.show(this.chosen, this.shown);
    this.say("");
  }

  #buttons() {
    if (!this.slider) return;
    const { buttons: b, words, scene } = this;
    const folded = scene.folded.has(this.#step()), all = scene.steps.length > 0 && scene.folded.size === scene.steps.length;
    const shown = {
      fold: folded ? "unfold" : "fold", fold_all: all ? "unfold_all" : "fold_all",
      open: this.chosen && this.open.has(this.chosen.number) ? "close" : "open",
      play: this.playing?.by > 0 ? "pause" : "play", play_back: this.playing?.by < 0 ? "pause" : "play_back",
    };
    for (const [key, button] of Object.entries(b)) {
      const name = words(shown[key] ?? key), { sign } = button.dataset;
      button.textContent = shown[key] === "pause" ? "❚❚" : sign || name;
      button.setAttribute("aria-label", name);
      button.title = name;
    }
    b.open.disabled = this.chosen?.kind !== "layer";
    b.backward.setAttribute("aria-pressed", String(this.drawing.backward));
  }
}

/** The states of the figures that the address leads to; none if it is not one of ours. */
function linked() {
  try {
    const found = JSON.parse(decodeURIComponent(location.hash.slice(1)));
    return typeof found === "object" && found ? found : {};
  } catch {
    return {};
  }
}

/** As it is typed: h3 for h₃ and h_3, in small letters. */
function plain(text) {
  return text.normalize("NFKC").replaceAll("−", "-").replaceAll("_", "").toLowerCase();
}

/** The data of a figure; those of a long sequence are deflated. */
function dataOf(root) {
  const { textContent, dataset } = root.querySelector('script[type="application/json"]');
  if (dataset.packed === undefined) return JSON.parse(textContent);
  const bytes = Uint8Array.from(atob(textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
}

document.querySelectorAll(".explorer").forEach(async (root, k) => {
  new Explorer(root, await dataOf(root), PROGRAMS[k]);
});
