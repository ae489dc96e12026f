// The figure in SVG. Only the steps in sight are in the page; from far away a step is one box.

import { svg } from "./elements.js";
import { shade } from "./numbers.js";

const FAR = 0.22; // scale below which the inside of a step is not drawn
const LEGIBLE = 0.4; // scale below which labels cannot be read, and are not drawn
const LONGEST = 60; // characters of a line; the panel shows all of it
const pen = document.createElement("canvas").getContext("2d");
const FONT = 'Helvetica, Arial, "Liberation Sans", sans-serif';

export class Drawing {
  /**
   * @param scene what to draw
   * @param id of the figure, so that two on a page share no id
   * @param calls name(item), folded(), isOpen(item), state(item), heat(item, what), tip(item, node), choose(item, node), fold(k),
   *   resized()
   */
  constructor(scene, id, calls) {
    Object.assign(this, { scene, id, calls, scale: 1, left: 0, top: 0, shown: new Map(), backward: false, heat: "" });
    this.world = svg("g");
    this.root = svg("svg", { class: "graph", role: "group", tabindex: "-1" });
    const tip = svg("marker", {
      id: `${id}-tip`, viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 8, markerHeight: 8,
      orient: "auto", markerUnits: "userSpaceOnUse", class: "tip",
    }, svg("path", { d: "M0 0 10 5 0 10z" }));
    this.layers = ["frames", "arrows", "items"].map((name) => svg("g", { class: name }));
    this.world.append(...this.layers); // arrows run over the frames of other steps
    this.root.append(svg("defs", {}, tip), this.world);
    this.#listen();
    new ResizeObserver(() => {
      this.update();
      this.calls.resized();
    }).observe(this.root);
  }

  // Moving

  size() {
    return { w: this.root.clientWidth || 800, h: this.root.clientHeight || 600 };
  }

  /** Show all of it if it can be read so; else its height, if that can, from the first step on. */
  fit() {
    const { w, h } = this.size(), { bounds } = this.scene, margin = 24;
    const high = (h - 2 * margin) / bounds.h, wide = (w - 2 * margin) / bounds.w;
    const whole = Math.min(high, wide);
    this.scale = Math.min(1.5, whole >= LEGIBLE ? whole : Math.max(high, LEGIBLE));
    const start = (low, length, seen) => low - (length <= seen ? (seen - length) / 2 : margin / this.scale);
    this.left = start(bounds.x, bounds.w, w / this.scale);
    this.top = start(bounds.y, bounds.h, h / this.scale);
    this.update();
  }

  zoom(factor, x = this.size().w / 2, y = this.size().h / 2) {
    const before = this.scale;
    this.scale = Math.min(4, Math.max(0.002, before * factor));
    this.left += x / before - x / this.scale;
    this.top += y / before - y / this.scale;
    this.update();
  }

  pan(dx, dy) {
    this.left -= dx / this.scale;
    this.top -= dy / this.scale;
    this.update();
  }

  /** Bring a box into sight, if it is not; come near enough to read it. */
  reveal(x, y, w = 0, h = 0) {
    if (this.scale < 0.5) this.zoom(Math.min(1, this.size().h / this.scene.bounds.h) / this.scale);
    const size = this.size(), margin = 10 / this.scale;
    const nearest = (start, low, high, seen) => {
      if (low - margin < start - seen || high + margin > start + 2 * seen) return (low + high - seen) / 2;
      return Math.min(Math.max(start, high + margin - seen), low - margin); // far off: to the middle
    };
    this.left = nearest(this.left, x - w / 2, x + w / 2, size.w / this.scale);
    this.top = nearest(this.top, y - h / 2, y + h / 2, size.h / this.scale);
    this.update();
  }

  /** Put a step's left side at the left of the sight. */
  goTo(k) {
    const frame = this.scene.frame(k);
    if (this.scale < 0.35) this.zoom(0.5 / this.scale);
    this.left = frame.x - 90 / this.scale;
    this.update();
  }

  #listen() {
    let from = null, moved = false;
    this.root.addEventListener("pointerdown", (event) => {
      if (event.button === 0) from = [event.clientX, event.clientY];
      moved = false;
    });
    this.root.addEventListener("pointermove", (event) => {
      if (!from || !(event.buttons & 1)) return;
      const [dx, dy] = [event.clientX - from[0], event.clientY - from[1]];
      if (!moved && Math.hypot(dx, dy) < 4) return;
      if (!moved) this.root.setPointerCapture(event.pointerId);
      moved = true;
      from = [event.clientX, event.clientY];
      this.pan(dx, dy);
    });
    this.root.addEventListener("pointerup", () => { from = null; });
    this.root.addEventListener("pointerover", (event) => { // what a pointer that rests here is told
      const part = event.target.closest("[data-item]");
      if (!part) return;
      const tip = part.querySelector(":scope > title") ?? part.appendChild(svg("title"));
      tip.textContent = this.calls.tip(this.scene.items[part.dataset.item], part.dataset.node && Number(part.dataset.node));
    });
    this.root.addEventListener("click", (event) => {
      if (moved) return;
      const part = event.target.closest("[data-item], [data-fold]");
      if (!part) return;
      if (part.dataset.fold !== undefined) this.calls.fold(Number(part.dataset.fold));
      else this.calls.choose(this.scene.items[part.dataset.item], part.dataset.node && Number(part.dataset.node));
    });
    this.root.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) {
        const at = this.root.getBoundingClientRect();
        this.zoom(Math.exp(-event.deltaY / 300), event.clientX - at.left, event.clientY - at.top);
      } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        this.pan(-(event.deltaX || event.deltaY), 0);
      } else this.pan(0, -event.deltaY);
    }, { passive: false });
  }

  // Drawing

  /** Draw what is in sight, take the rest out of the page. */
  update() {
    const { w } = this.size(), small = this.scale < LEGIBLE;
    if (small !== this.small) {
      this.small = small;
      this.redraw();
      return;
    }
    this.world.setAttribute("transform", `scale(${this.scale}) translate(${-this.left} ${-this.top})`);
    const [first, last] = this.scene.between(this.left, this.left + w / this.scale);
    const far = this.scale < FAR;
    const wanted = new Map();
    wanted.set(`titles ${far ? this.scale : ""}`, () => [this.#titles(far)]);
    if (!far || this.scene.steps.length === 0) wanted.set("loose", () => [svg("g"), ...this.#inside(null)]);
    const spare = far ? 0 : 1; // arrows to the next step start in this one
    for (let k = Math.max(0, first - spare); k <= Math.min(this.scene.steps.length - 1, last + spare); k++) {
      if (far) wanted.set(`far ${k} ${this.scale}`, () => [this.#frames(k, true)]);
      else wanted.set(`step ${k}`, () => this.#step(k));
    }
    for (const [key, groups] of this.shown) {
      if (wanted.has(key) || groups.some((group) => group.contains(document.activeElement))) continue;
      for (const group of groups) group.remove();
      this.shown.delete(key);
    }
    for (const [key, make] of wanted) {
      if (this.shown.has(key)) continue;
      const groups = make();
      groups.forEach((group, layer) => this.layers[layer].append(group));
      this.shown.set(key, groups);
    }
    this.#oneTabStop();
  }

  /** All of the figure as SVG text that needs no page: every step, with the colours of now. */
  whole() {
    const { x, y, w, h } = this.scene.bounds, margin = 20, small = this.small;
    this.small = false;
    const steps = [...this.scene.steps.keys()].map((k) => this.#step(k)), loose = this.#inside(null);
    this.small = small;
    const layers = [[this.#titles(false), ...steps.map(([frames]) => frames)], [loose[0], ...steps.map(([, arrows]) => arrows)],
      [loose[1], ...steps.map(([, , items]) => items)]];
    const sheets = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
    const names = new Set(sheets.flatMap((rule) => [...(rule.cssText.match(/--[\w-]+/g) ?? [])]));
    const now = getComputedStyle(document.documentElement);
    const colours = [...names].map((name) => `${name}: ${now.getPropertyValue(name)};`).join(" ");
    const rules = sheets.filter((rule) => rule.selectorText?.startsWith(".explorer")).map((rule) => rule.cssText);
    const style = svg("style");
    style.textContent = `.explorer { ${colours} }\n${rules.join("\n")}\n.explorer { display: inline; height: auto; }`;
    const size = { width: w + 2 * margin, height: h + 2 * margin };
    const root = svg("svg", { xmlns: "http://www.w3.org/2000/svg", class: "explorer", ...size,
      viewBox: `${x - margin} ${y - margin} ${size.width} ${size.height}` }, style,
    svg("rect", { x: x - margin, y: y - margin, ...size, style: "fill: var(--paper)" }), this.root.querySelector("defs").cloneNode(true),
    svg("g", { class: "graph" }, ...layers.map((groups, k) => svg("g", { class: ["frames", "arrows", "items"][k] }, ...groups))));
    for (const part of root.querySelectorAll(".chosen, .todo")) part.classList.remove("chosen", "todo");
    return { text: new XMLSerializer().serializeToString(root), ...size };
  }

  /** Draw everything anew: after folding, another language, a turned arrow. */
  redraw() {
    const focus = document.activeElement?.closest?.("[data-item]");
    const had = focus && this.root.contains(focus) ? focus.dataset : null;
    for (const group of [...this.shown.values()].flat()) group.remove();
    this.shown.clear();
    this.update();
    if (had) this.element(had.item, had.node)?.focus({ preventScroll: true });
  }

  /** The element of an item, or of an operation in it, if it is in the page. */
  element(item, node) {
    const inner = node === undefined ? ":not([data-node])" : `[data-node="${node}"]`;
    return this.world.querySelector(`[data-item="${item}"]${inner}`);
  }

  /** Mark what is chosen, what has been played, and what is still to come. */
  mark() {
    for (const group of this.world.querySelectorAll("[data-item]")) this.#marked(group);
    this.#oneTabStop();
  }

  /** Colour boxes by their numbers. */
  paint() {
    for (const group of this.world.querySelectorAll("[data-item]:not([data-node])")) {
      this.#paint(group, this.scene.items[group.dataset.item]);
    }
  }

  #paint(group, item) {
    const share = this.heat ? this.calls.heat(item, this.heat) : null;
    const { ground, ink } = share === null ? { ground: "", ink: "" } : shade(share, 1);
    group.querySelector(".box").style.fill = ground;
    for (const text of group.querySelectorAll(":scope > text")) text.style.fill = ink;
    group.classList.toggle("nothing", share === 0 && this.heat === "gradient");
    group.classList.toggle("held", this.scene.live !== null && item.nodes.some((node) => this.scene.live.isChanged(node)));
  }

  #marked(group) {
    const number = Number(group.dataset.item);
    const { chosen, played } = this.calls.state(this.scene.items[number], group.dataset.node);
    group.setAttribute("aria-pressed", String(chosen));
    group.classList.toggle("chosen", chosen);
    group.classList.toggle("todo", played === "todo");
  }

  /** The keyboard comes to the chosen item, else to the first; from far away, to the graph itself. */
  #oneTabStop() {
    const all = [...this.world.querySelectorAll("[data-item]")];
    this.root.setAttribute("tabindex", all.length ? "-1" : "0");
    const chosen = all.find((group) => group.classList.contains("chosen")) ?? all[0];
    for (const group of all) group.setAttribute("tabindex", group === chosen ? "0" : "-1");
  }

  #step(k) {
    const [arrows, items] = this.#inside(k), frames = this.#frames(k, false);
    if (!this.scene.folded.has(k)) return [frames, arrows, items];
    items.append(frames); // over the arrows that end in it
    return [svg("g"), arrows, items];
  }

  /** Arrows and items of a step; a folded one hides its items, and the arrows among them. */
  #inside(step) {
    const items = svg("g", step === null ? {} : { "data-step": step });
    if (step === null || !this.scene.folded.has(step)) {
      items.append(...this.scene.itemsOf(step).flatMap((item) => this.#item(item)));
    }
    return [this.#arrows(step), items];
  }

  /** The frames of a step, each with a heading that folds it; a folded one is a small cell with its name. */
  #frames(k, far) {
    const folded = this.scene.folded.has(k), { t } = this.scene.steps[k], cells = this.scene.cells(k);
    const group = svg("g", { class: folded ? "step folded" : "step" });
    for (const { name, x, y, w, h } of cells) {
      group.append(svg("rect", { x, y, width: w, height: h, rx: 10, class: "frame", "data-frame": k }));
      const closed = folded || far, called = closed ? `${name} t = ${t}` : `t = ${t} ${name}`;
      const label = svg("g", { class: "fold", "data-fold": k, role: "button", tabindex: "-1",
        "aria-expanded": String(!folded), "aria-label": `${called}${folded ? `, ${this.calls.folded()}` : ""}` });
      if (closed) this.#written(label, [name, `t = ${t}`], x, y, w, h, far);
      else {
        const named = k === 0 && cells.length > 1, text = svg("text", { x: x + 10, y: y + 20, "font-size": 14 });
        text.textContent = named ? `▾ t = ${t} ${name}` : `▾ t = ${t}`;
        label.append(svg("rect", { x: x + 3, y: y + 3, width: 76, height: 24, rx: 5 }), text);
      }
      group.append(label);
    }
    return group;
  }

  /** Words in the middle of a frame, as large as fits and as is needed to read them. */
  #written(group, lines, x, y, w, h, far) {
    pen.font = `10px ${FONT}`;
    const shown = far ? lines.slice(-1) : lines, upright = !far && w < h;
    const [wide, high] = upright ? [h, w] : [w, h];
    const widest = Math.max(...shown.map((line) => pen.measureText(line).width), 1);
    const size = Math.min((10 * (wide - 10)) / widest, (high - 6) / (1.25 * shown.length), far ? 13 / this.scale : 14);
    const turn = upright ? { transform: `rotate(-90 ${x + w / 2} ${y + h / 2})` } : {};
    group.append(svg("rect", { x: x + 3, y: y + 3, width: w - 6, height: h - 6, rx: 8 }));
    shown.forEach((line, k) => {
      const text = svg("text", { x: x + w / 2, y: y + h / 2 + (k - (shown.length - 1) / 2) * 1.25 * size + 0.35 * size,
        "font-size": size, class: "middle", ...turn });
      text.textContent = line;
      group.append(text, " ");
    });
  }

  /** Frames around modules, with their names: from far away too. */
  #titles(far) {
    const group = svg("g", { class: "titles" });
    for (const { name, x, y, w, h } of this.scene.titles()) {
      const size = far ? Math.min(13 / this.scale, h / 3) : 14;
      const text = svg("text", { x: x + 8, y: y + (far ? -0.3 * size : 18), "font-size": size });
      text.textContent = name;
      group.append(svg("rect", { x, y, width: w, height: h, rx: 12, class: "frame" }), text);
    }
    return group;
  }

  #arrows(step) {
    const group = svg("g", { "aria-hidden": "true" });
    for (const { from, to, points } of this.scene.arrowsOf(step)) {
      if (this.scene.hidden(to) && from.step === to.step) continue;
      const path = [];
      for (let k = 0; k < points.length; k += 2) path.push([points[k], points[k + 1]]);
      const [source, target] = this.backward ? [to, from] : [from, to];
      const line = svg("path", {
        d: this.backward ? reversed(path) : forward(path), "marker-end": `url(#${this.id}-tip)`,
        "data-from": source.number, "data-to": target.number,
      });
      group.append(line);
    }
    return group;
  }

  #item(item) {
    const { x, y } = this.scene.place(item), { w, h } = item;
    const open = this.calls.isOpen(item);
    const group = svg("g", {
      class: `item ${item.kind}`, role: "button", "data-item": item.number, "aria-label": this.calls.name(item),
    });
    if (item.kind === "layer") group.setAttribute("aria-expanded", String(open));
    const round = { point: Math.min(w, h) / 2, input: 7, state: 9, operation: 7 }[item.kind] ?? 1.5;
    group.append(svg("rect", { x: x - w / 2, y: y - h / 2, width: w, height: h, rx: round, class: "box" }));
    if (!open) this.#label(group, item.lines, x, y, w, h, item.kind === "point" ? 15 : 12);
    this.#marked(group);
    this.#paint(group, item);
    return open ? [group, ...this.#operations(item, x, y)] : [group];
  }

  /** Lines of text, made smaller where the reader's font is wider than the layout's. */
  #label(group, lines, x, y, w, h, size) {
    if (this.small) [lines, size] = [lines.slice(0, 1), 30];
    pen.font = `${size}px ${FONT}`;
    const cut = lines.map((line) => (line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line));
    const widest = Math.max(...cut.map((line) => pen.measureText(line).width), 1);
    const fitting = Math.min(size, (size * (w - 4)) / widest, (h - 5) / (cut.length * 1.2));
    const gap = fitting * 1.2;
    cut.forEach((line, k) => {
      const text = svg("text", { x, y: y + (k - (cut.length - 1) / 2) * gap + fitting * 0.35, "font-size": fitting });
      text.textContent = line;
      group.append(text, " "); // a gap between lines for those who hear them
    });
  }

  /** The operations that a gate is made of, inside its box, in the order they are computed in. */
  #operations(item, x, y) {
    const gap = 3, columns = Math.min(item.nodes.length, Math.ceil(Math.sqrt(item.nodes.length * 1.6)));
    const wide = (item.w - gap) / columns, high = (item.h - gap) / Math.ceil(item.nodes.length / columns);
    return item.nodes.map((number, k) => {
      const node = this.scene.node(number);
      const cx = x - item.w / 2 + gap / 2 + wide * ((k % columns) + 0.5);
      const cy = y - item.h / 2 + gap / 2 + high * (Math.floor(k / columns) + 0.5);
      const inner = svg("g", { class: "item inner", role: "button", "data-item": item.number,
        "data-node": number, "aria-label": this.calls.name(item, number) });
      inner.append(svg("rect", { x: cx - wide / 2 + gap / 2, y: cy - high / 2 + gap / 2, width: wide - gap,
        height: high - gap, rx: 4, class: "box" }));
      this.#label(inner, [node.label], cx, cy, wide - gap, high - gap, 10);
      this.#marked(inner);
      return inner;
    });
  }
}

/** A spline to its last point but one, and a line to the arrow's tip. */
function forward(path) {
  const tip = path.at(-1);
  return `M${path[0]} C${path.slice(1, -1).join(" ")} L${tip}`;
}

function reversed(path) {
  const back = path.slice(0, -1).reverse();
  return `M${path.at(-1)} L${back[0]} C${back.slice(1).join(" ")}`;
}
