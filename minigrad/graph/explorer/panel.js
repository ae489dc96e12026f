// What is known of the chosen node.

import { Controls } from "./controls.js";
import { html, svg } from "./elements.js";
import { flat, gist, index, rows, shade, written } from "./numbers.js";
import { terms } from "./terms.js";

const ROUND = { point: 6, input: 4, state: 5, operation: 4 }; // corners in the legend

export class Panel {
  /**
   * @param words (key, ...parts) → sentence
   * @param choose (item, node) when a link is followed
   * @param changed when a number has been changed
   */
  constructor(scene, words, choose, changed) {
    Object.assign(this, { scene, words, choose, entry: 0, watched: [] });
    this.controls = scene.live && new Controls(scene, words, changed);
    this.root = html("div", { class: "panel", role: "region", tabindex: "0" });
    this.owner = new Map();
    for (const item of scene.items) for (const node of item.nodes) this.owner.set(node, item);
  }

  /** Show an item's value, or an operation in it; nothing for null. */
  show(item, number = item?.nodes.at(-1)) {
    const { words } = this;
    Object.assign(this, { item, number });
    this.root.setAttribute("aria-label", words("details"));
    if (!item) {
      const watching = this.controls ? this.#watching() : [];
      this.#put([html("h2", {}, words("details")), html("p", {}, words("pick")), ...watching, ...this.#about(), this.#legend()]);
      return;
    }
    const inner = number !== undefined && number !== item.nodes.at(-1);
    const node = number === undefined ? null : this.scene.node(number);
    const label = inner ? node.label : item.lines[0];
    const title = (inner || item.kind === "point") && label !== node.primitive ? `${label} ${node.primitive}`.trim() : label;
    const elsewhere = inner && !item.nodes.includes(number); // it is read here, and has no box
    const where = elsewhere ? "" : item.step === null ? words("outside") : words("at_step", this.scene.steps[item.step].t);
    const kind = inner || node?.kind === "parameter" ? node.kind : item.kind;
    const parts = [
      html("h2", {}, html("bdi", {}, title)),
      html("p", { class: "where" }, [words(kind), inner ? "" : words("role", ...this.roles(item) ?? ["", ""]), where, node?.path].filter(Boolean).join(" · ")),
    ];
    if (!inner && item.lines.length > 1 && item.kind === "layer") parts.push(html("p", { class: "equation" }, html("bdi", {}, item.tooltip)));
    if (!node) parts.push(html("p", {}, words("no_node")), html("p", {}, item.tooltip));
    else parts.push(...this.#node(node, item));
    this.#put([...parts, this.#legend()]);
    if (elsewhere) this.root.scrollTop = 0;
  }

  /** What a gate is called in words, in each language. */
  roles(item) {
    return item.kind === "layer" ? this.scene.data.roles[item.lines[0]] : undefined;
  }

  /** The same with the numbers of now. */
  refresh() {
    if (this.item) this.show(this.item, this.number);
  }

  /** What is shown; controls that are there already stay, so that a slider can be pulled on. */
  #put(parts) {
    const { root } = this, kept = this.controls?.root, place = parts.indexOf(kept), top = root.scrollTop;
    const focus = this.#focused();
    if (place < 0 || kept.parentNode !== root) root.replaceChildren(...parts);
    else {
      for (const old of [...root.children]) if (old !== kept) old.remove();
      kept.before(...parts.slice(0, place));
      kept.after(...parts.slice(place + 1));
      root.scrollTop = top;
    }
    focus?.();
  }

  /** If the focus is in what is written anew: a function that puts it where it was, or on the panel. */
  #focused() {
    const now = document.activeElement, { root } = this;
    if (!root.contains(now) || now === root || this.controls?.root.contains(now)) return null;
    const part = now.closest("[data-part]:is(section)")?.dataset.part, among = (scope) => [...scope.querySelectorAll(now.localName)];
    const section = () => root.querySelector(`section[data-part="${part}"]`) ?? root, k = among(section()).indexOf(now);
    return () => (among(section())[k] ?? root).focus({ preventScroll: true });
  }

  #node(node, item) {
    const { words } = this, shape = `(${node.shape.join(", ")})`;
    const alike = this.scene.alike(item, node.number);
    const inner = item.nodes.length > 1, parameters = this.parameters(item);
    return [
      html("dl", {}, html("dt", {}, words("shape", "")), html("dd", { "data-part": "shape" }, shape)),
      ...(this.controls ? [this.controls.show(node.number, alike)] : []),
      ...(this.controls ? this.#watching(node.number) : []),
      this.#part("value", node.value === null ? html("p", {}, words("no_value")) : this.#array(node.value, node, "value")),
      this.#part("gradient", this.#gradient(node), ...this.#sources(node)),
      ...this.#overSteps(alike, item.step),
      ...(node.kind === "operation" ? this.#mathematics(node) : []),
      ...(inner ? [this.#part("inside", this.#links(item.nodes, node.number))] : []),
      ...(node.operands?.length ? [this.#part("operands", this.#operands(node))] : []),
      ...(parameters.length ? [this.#part("parameters", this.#links(parameters, node.number))] : []),
      ...(node.primitive ? [this.#part("judges", ...this.#judges(node))] : []),
    ];
  }

  /** What colours and shapes mean, as the figure is drawn now. */
  #legend() {
    const { words, scene } = this, heat = this.heat ?? "";
    const kinds = [...new Map(scene.items.map(({ kind }) => [words(kind), kind])).values()];
    const list = heat ? [html("p", {}, words(`heat_${heat}`)), html("div", { class: `scale ${heat}` })]
      : [html("ul", { class: "kinds" }, ...kinds.map((kind) => html("li", {}, svg("svg", { viewBox: "0 0 24 16", "aria-hidden": "true" },
        svg("g", { class: `item ${kind}` }, svg("rect", { class: "box", x: 2, y: 2, width: 20, height: 12, rx: ROUND[kind] ?? 1 }))), words(kind))))];
    return this.#part("legend", ...list);
  }

  /** Another colouring: the legend says what it means. */
  legend(heat) {
    this.heat = heat;
    this.root.querySelector('[data-part="legend"]').replaceWith(this.#legend());
  }

  /** What the reader wants to see whatever is chosen, while other numbers are changed. */
  #watching(number) {
    const { words } = this, button = (text, change) => html("button", { type: "button", onclick: () => {
      change();
      this.show(this.item, this.number);
      this.moved?.();
    } }, text);
    const parts = this.watched.map((seen) => {
      const node = this.scene.node(seen), item = this.owner.get(seen), alike = item ? this.scene.alike(item, seen) : [];
      const curves = this.#curves(alike, item?.step ?? null, alike.indexOf(seen));
      return html("div", {}, html("p", {}, this.#link(seen), item?.step != null ? ` ${words("at_step", this.scene.steps[item.step].t)} ` : " ",
        button(words("unwatch"), () => { this.watched = this.watched.filter((other) => other !== seen); })),
      this.#array(node.value, node, "value"), ...curves);
    });
    if (number !== undefined && !this.watched.includes(number)) {
      parts.unshift(button(words("watch"), () => this.watched.push(number)));
    }
    return parts.length ? [html("section", { class: "watched", "data-part": "watched", "aria-label": words("watched") }, ...parts)] : [];
  }

  #part(key, ...content) {
    return html("section", { "data-part": key }, html("h3", {}, this.words(key)), ...content);
  }

  #gradient(node) {
    const { words } = this;
    if (node.constant) return html("p", { class: "none" }, words("no_gradient"));
    const none = this.scene.data.loss === null ? "no_backward" : "not_kept";
    if (node.gradient === null) return html("p", { class: "none" }, words(none));
    return this.#array(node.gradient, node, "gradient");
  }

  /** Upstream × local = what comes from each reader, and their sum, at one entry. */
  #sources(node) {
    const { words, scene } = this, { live } = scene, readers = scene.readers[node.number];
    if (node.constant || !Array.isArray(node.gradient) || !node.gradient.length) return [];
    const entry = Math.min(this.entry, node.gradient.length - 1), lines = [];
    const read = (number, what) => {
      if (live) return live[what](number);
      const array = scene.node(number)[what];
      return Array.isArray(array) ? array : null;
    };
    for (const [target, position] of readers) {
      const reader = scene.node(target), sent = live?.sent(target, position)?.[entry];
      if (reader.constant) continue;
      const factors = terms(scene, reader, position, entry, sent, read)?.filter(([, slope]) => slope !== 0);
      const total = factors?.reduce((sum, [up, slope]) => sum + up * slope, 0);
      if (live?.isHeldAnywhere(target)) lines.push([target, `${words("held_there")}: ${written(sent)}`]);
      else if (factors?.length && (sent === undefined || near(total, sent))) lines.push([target, `${summed(factors)} = ${written(sent ?? total)}`]);
      else if (sent !== undefined) lines.push([target, written(sent)]);
      else if (reader.gradient !== null) return []; // not all of them are known
    }
    const direct = live?.direct(node.number).map((array) => array[entry]) ?? [];
    if (!lines.length && !direct.length) return [];
    const list = html("ul", { class: "sources" }, ...lines.map(([target, text]) => html("li", {}, this.#link(target), ": ", html("span", { class: "product" }, text))));
    if (direct.length) list.append(html("li", {}, `L: ${written(direct.reduce((a, b) => a + b, 0))}`));
    const total = html("p", { class: "product", "data-part": "total" }, `${words("total")}: ${written(node.gradient[entry])}`);
    return [html("h4", {}, words("sources")), ...this.#entry(node, "source-entry"), html("p", { class: "note" }, words("product")), list, total];
  }

  /** A number, or minimum, mean and maximum with a heat map. */
  #array(array, { shape }, what) {
    const { words } = this;
    if (Array.isArray(array) && array.length === 1) return html("p", { class: "number" }, written(array[0]));
    const { min, mean, max, nonfinite } = gist(array);
    if (Array.isArray(array) ? array.length === 0 : array.grid.length === 0) {
      return html("p", {}, words(shape.includes(0) ? "empty" : "no_entries"));
    }
    const list = html("dl", { class: "gist" });
    for (const [key, x] of Object.entries({ min, mean, max })) {
      list.append(html("dt", {}, words(key)), html("dd", { "data-part": key }, written(x)));
    }
    if (nonfinite) list.append(html("dt", {}, words("nonfinite")), html("dd", {}, String(nonfinite)));
    return html("div", {}, list, this.#heat(array, shape, what));
  }

  #heat(array, shape, what) {
    const { words } = this, table = html("table", { class: "heat", "aria-label": words("heat", words(what)) });
    const whole = Array.isArray(array), matrix = rows(array, shape);
    const largest = Math.max(...matrix.flat().filter((x) => typeof x === "number").map(Math.abs), 0);
    const body = html("tbody");
    matrix.forEach((row, r) => {
      const line = html("tr");
      row.forEach((x, c) => {
        const { ground, ink } = shade(x, largest);
        const cell = html("td", { "data-entry": r * row.length + c }, whole ? written(x) : "");
        cell.style.background = ground;
        cell.style.color = ink;
        if (!whole) cell.setAttribute("aria-label", written(x));
        line.append(cell);
      });
      body.append(line);
    });
    table.append(body);
    return html("div", { class: "wide", tabindex: "0", role: "group", "aria-label": words("heat", words(what)) }, table);
  }

  /** How value and gradient go through the steps: the mean, and the power of ten of the largest. */
  #overSteps(alike, now) {
    const curves = this.#curves(alike, now, alike.indexOf(this.number));
    return curves.length ? [this.#part("over_steps", ...curves)] : [];
  }

  #curves(alike, now, place) {
    const { words, scene } = this;
    if (alike.length < 3) return [];
    const nodes = alike.map((number) => scene.node(number));
    const largest = ({ min, max }) => Math.max(Math.abs(min), Math.abs(max));
    const mean = nodes.map(({ value }) => (value === null ? NaN : gist(value).mean));
    const size = nodes.map(({ gradient }) => (gradient === null ? NaN : Math.log10(largest(gist(gradient)))));
    return [["value", mean, written], ["gradient", size, power]].flatMap(([what, points, say]) => {
      const known = points.filter(Number.isFinite);
      if (!known.length) return [];
      const low = Math.min(0, ...known), high = Math.max(0, ...known);
      const x = (k) => 4 + (292 * k) / (points.length - 1), y = (p) => 56 - (52 * (p - low)) / (high - low || 1);
      const line = points.map((p, k) => (Number.isFinite(p) ? `${x(k)},${y(p)}` : "")).filter(Boolean).join(" ");
      const said = words(`over_${what}`, say(points[0]), say(points.at(-1)), say(Math.min(...known)), say(Math.max(...known)));
      const here = now === null || !Number.isFinite(points[place]) ? [] : [svg("circle", { cx: x(place), cy: y(points[place]), r: 3.5 })];
      return [html("p", { class: "note" }, said),
        svg("svg", { class: "curve over", viewBox: "0 0 300 60", role: "img", "aria-label": said },
          svg("line", { x1: 0, x2: 300, y1: y(0), y2: y(0) }), svg("polyline", { points: line }), ...here)];
    });
  }

  #mathematics(node) {
    const { words } = this, template = this.#template(node.primitive);
    const call = html("code", {}, html("bdi", {}, this.#call(node)));
    const forward = template?.content.querySelector('[data-part="forward"]');
    const parts = [this.#part("formula", html("p", {}, call), ...(forward ? [this.#forward(node, forward)] : []))];
    const backward = [...(template?.content.querySelectorAll('[data-part="backward"]') ?? [])];
    if (!backward.length) {
      const why = template?.dataset.kind === "linear" ? "no_notation" : "no_derivative";
      return [...parts, this.#part("derivative", html("p", {}, words(why)))];
    }
    const bySympy = template.dataset.bySympy === "true";
    const derivatives = backward.map((formula, k) => this.#derivative(node, formula, bySympy ? k : null));
    const note = html("p", { class: "note" }, words(bySympy ? "by_sympy" : "by_rule"));
    parts.push(this.#part(bySympy ? "derivative" : "adjoint", note, ...this.#entries(node, bySympy), ...derivatives));
    return parts;
  }

  #template(primitive) {
    return [...document.querySelectorAll("template[data-primitive]")].find((t) => t.dataset.primitive === primitive);
  }

  #written(formula) {
    return html("div", { class: "formula" }, ...formula.cloneNode(true).childNodes);
  }

  /** Which entry the numbers are of: the reader chooses. */
  #entries(node, bySympy) {
    const { words } = this;
    if (!bySympy) return [];
    if (!node.partials || !Array.isArray(node.value)) return [html("p", { class: "note" }, words("no_numbers"))];
    return this.#entry(node, "entry");
  }

  #entry(node, part) {
    if (node.value.length < 2) return [];
    this.entry = Math.min(this.entry, node.value.length - 1);
    const options = node.value.map((_, k) => {
      const option = html("option", { value: String(k) }, `[${index(k, node.shape).join(", ")}]`);
      option.selected = k === this.entry;
      return option;
    });
    const label = html("label", { class: "note" }, this.words("at_entry", ""), html("select", { "data-part": part }, ...options));
    label.addEventListener("change", (event) => {
      this.entry = Number(event.target.value);
      this.show(this.item, node.number);
      this.root.querySelector(`[data-part="${part}"]`).focus();
    });
    return [label];
  }

  /** y in terms of x; below it, the same with this entry's numbers. */
  #forward(node, formula) {
    const line = this.#written(formula);
    return node.partials ? this.#substituted(node, line, (entry) => node.value[entry]) : line;
  }

  /** ∂y/∂x; below it, the same with this entry's numbers in place of the names. */
  #derivative(node, formula, operand) {
    const line = this.#written(formula);
    if (operand === null || !node.partials) return line;
    return this.#substituted(node, line, (entry) => node.partials[operand][entry]);
  }

  #substituted(node, line, result) {
    const math = line.querySelector("math");
    if (!math || !Array.isArray(node.value) || !node.value.length) return line;
    const entry = Math.min(this.entry, node.value.length - 1);
    if (this.scene.live?.isHeld(node.number, entry)) return html("div", {}, line, html("p", { class: "note" }, this.words("is_held")));
    const numbers = this.#numbers(node, index(entry, node.shape), entry);
    const row = math.querySelector("mrow") ?? math;
    const parts = [...row.childNodes], equals = parts.findIndex((part) => part.textContent.trim() === "=");
    const right = parts.slice(equals + 1).map((part) => part.cloneNode(true));
    const substituted = mathml("mrow", ...right);
    let changed = false;
    for (const name of substituted.querySelectorAll("mi")) {
      if (!numbers.has(name.textContent)) continue;
      name.replaceWith(numeral(numbers.get(name.textContent), isFactor(name), isEnclosed(name)));
      changed = true;
    }
    const last = mathml("mn", written(result(entry)));
    last.setAttribute("data-part", "result");
    const between = changed && (right.length > 1 || right[0].localName !== "mi") ? [mathml("mo", "="), substituted] : [];
    const whole = mathml("mrow", ...between, mathml("mo", "="), last);
    if (right.length === 1 && !changed) return line; // it is a number already
    return html("div", {}, line, html("div", { class: "formula numbers" }, mathml("math", whole)));
  }

  /** The numbers that the names y and x, or a, b, … stand for at an entry. */
  #numbers(node, at, entry) {
    const names = node.operands.length === 1 ? ["x"] : [..."abcd"];
    const found = new Map([["y", node.value[entry]]]);
    node.operands.forEach((operand, k) => {
      if (Array.isArray(operand)) return found.set(names[k], operand[0]);
      const { value, shape } = this.scene.node(operand);
      if (Array.isArray(value)) found.set(names[k], value[flat(shape, at)]);
    });
    return found;
  }

  #call(node) {
    const operands = node.operands.map((x) => (Array.isArray(x) ? written(x[0]) : this.#short(x)));
    return `${node.primitive}(${[...operands, ...(node.keywords ? [node.keywords] : [])].join(", ")})`;
  }

  /** What an operand is called. */
  #short(number) {
    const node = this.scene.node(number), owner = this.owner.get(number);
    // a state's or a gate's name; else the value's own; else what computed it
    const drawn = owner?.nodes.at(-1) === number && ["layer", "state", "input"].includes(owner.kind);
    return drawn && !owner.lines[0].includes(" = ") ? owner.lines[0] : node.name || node.primitive || node.label;
  }

  #operands(node) {
    const list = html("ul");
    for (const operand of node.operands) {
      const number = Array.isArray(operand);
      list.append(html("li", {}, number ? this.words("constant_number", written(operand[0])) : this.#link(operand)));
    }
    return list;
  }

  /** The parameters that an item's operations read; they have no boxes of their own. */
  parameters(item) {
    const read = item.nodes.flatMap((number) => this.scene.node(number).operands ?? []);
    return [...new Set(read)].filter((number) => !Array.isArray(number) && !this.owner.has(number)
      && this.scene.node(number).kind === "parameter");
  }

  #links(numbers, current) {
    return html("ol", {}, ...numbers.map((number) => html("li", {}, this.#link(number, number === current))));
  }

  /** A node that can be gone to; one that is not drawn is shown beside the item that is chosen. */
  #link(number, current = false) {
    const node = this.scene.node(number), item = this.owner.get(number) ?? this.item;
    const text = `${this.#short(number)} (${node.shape.join(", ")})`;
    const button = html("button", { type: "button", "data-node": number }, html("bdi", {}, text));
    if (current) button.setAttribute("aria-current", "true");
    button.onclick = () => this.choose(item, number === item.nodes.at(-1) ? undefined : number);
    return button;
  }

  #judges(node) {
    const { words, scene: { data } } = this, given = data.verdicts[node.primitive];
    if (given === undefined) return [html("p", {}, words("not_judged"))];
    if (given === null) return [html("p", {}, words("no_samples"))];
    return [html("p", {}, words("judged_as", node.primitive)), this.#verdicts(given)];
  }

  #verdicts(given) {
    const { words } = this, list = html("ul", { class: "verdicts" });
    for (const { judge, passed, figure, failures } of given) {
      const unit = judge === "numeric" ? words("error", figure) : words("entries", figure);
      const mark = html("strong", { class: passed ? "good" : "bad" }, passed ? `✓ ${words("passed")}` : `✗ ${words("failed")}`);
      list.append(html("li", {}, `${words(judge)}: `, mark, `, ${unit}`, ...failures.map((f) => html("p", {}, f))));
    }
    return list;
  }

  /** What is known of the figure as a whole. */
  #about() {
    const { words, scene: { data } } = this, parts = [];
    parts.push(html("p", {}, data.loss === null ? words("no_backward") : words("loss", words(data.loss))));
    const name = html("bdi", {}, data.title);
    const about = (key) => {
      const [before, after] = words(key, "\u0000").split("\u0000");
      return html("p", {}, before, name, after);
    };
    if (data.checks.length) parts.push(this.#part("judges", about("whole"), this.#verdicts(data.checks)));
    else parts.push(this.#part("judges", about("whole_not_judged")));
    const { live } = this.scene, also = (live?.fixed() ?? []).map((name) => `, ${name}`).join("");
    if (live && !live.given.followed) parts.push(html("p", { class: "note", "data-part": "fixed" }, words("stay", also)));
    return parts;
  }
}

function mathml(name, ...children) {
  const element = document.createElementNS("http://www.w3.org/1998/Math/MathML", name);
  element.append(...children);
  return element;
}

/** A factor in text: in brackets if it is negative. */
function bracketed(x) {
  return typeof x === "number" && x < 0 ? `(${written(x)})` : written(x);
}

/** Products added up; of many, the first. */
function summed(factors) {
  const first = factors.slice(0, 6).map(([up, slope]) => `${bracketed(up)} × ${bracketed(slope)}`);
  return `${first.join(" + ")}${factors.length > first.length ? ` + … (${factors.length})` : ""}`.replace(/^\((.*?)\)/, "$1");
}

function near(a, b) {
  return Object.is(a, b) || Math.abs(a - b) <= 1e-9 * (1 + Math.abs(b));
}

/** A power of ten as a number. */
function power(exponent) {
  return exponent === -Infinity ? "0" : written(10 ** exponent);
}

/** Whether a name stands in brackets already. */
function isEnclosed(name) {
  return name.previousElementSibling?.textContent === "(" && name.nextElementSibling?.textContent === ")";
}

/** A number inside a formula; in brackets if it is negative, or stands beside another factor. */
function numeral(x, factor, enclosed) {
  const number = mathml("mn", written(x));
  if (enclosed) return number;
  return factor || (typeof x === "number" && x < 0) ? mathml("mrow", mathml("mo", "("), number, mathml("mo", ")")) : number;
}

/** Whether a name, or the power that it is the base of, is multiplied with no sign between. */
function isFactor(name) {
  const part = name.parentElement.localName.startsWith("msu") ? name.parentElement : name;
  if (part.parentElement.localName !== "mrow") return false;
  return [part.previousElementSibling, part.nextElementSibling].some((beside) => beside && beside.localName !== "mo");
}
