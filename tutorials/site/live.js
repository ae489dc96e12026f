/* Live figures: what a page of the course computes anew when its reader moves a slider.

Each figure is a recipe in FIGURES (figures.js, which stands behind this file in the site):

  controls(data)                what the reader may move: slider, toggle, choice, grid, press, typed
  numbers(settings, data)       what follows; the tests compare it with the engine's own numbers
  draw(numbers, settings, size, data)   the picture, as SVG or HTML
  said(numbers, settings, data) the sentence below it

and, where it needs them, drag(handle, point, settings, size, data), which says what to set when a
part of the picture with data-handle is pulled, and more(settings, data), controls that depend on
the others. Nothing moves by itself. Without this script the still picture of the page remains. */
"use strict";

const FIGURES = {};
const spanish = document.documentElement.lang === "es";
const say = (english, español) => (spanish ? español : english);

// Numbers: vectors are arrays, matrices arrays of rows

const range = count => [...Array(count).keys()];
const zeros = count => Array(count).fill(0);
const sum = vector => vector.reduce((total, x) => total + x, 0);
const last = list => list[list.length - 1];
const plus = (a, b) => a.map((x, k) => x + b[k]);
const minus = (a, b) => a.map((x, k) => x - b[k]);
const scaled = (vector, by) => vector.map(x => x * by);
const dot = (a, b) => sum(a.map((x, k) => x * b[k]));
const length = vector => Math.sqrt(dot(vector, vector));
const times = (matrix, vector) => matrix.map(row => dot(row, vector));
const transposed = matrix => matrix[0].map((_, column) => matrix.map(row => row[column]));
const product = (a, b) => {
  const columns = transposed(b);
  return a.map(row => times(columns, row));
};
const affine = ({ weight, bias }, vector) => plus(times(weight, vector), bias);
const sigmoid = x => 1 / (1 + Math.exp(-x));
const cosine = (a, b) => dot(a, b) / (length(a) * length(b) + 1e-12);
const clamped = (x, low, high) => Math.min(high, Math.max(low, x));

function softmax(scores) {
  const most = Math.max(...scores), parts = scores.map(score => Math.exp(score - most));
  return scaled(parts, 1 / sum(parts));
}

/* The largest factor by which a square matrix stretches a vector: its columns are turned, two at a
   time, until they are at right angles (one-sided Jacobi); then the longest column is it. */
function stretch(matrix) {
  const columns = transposed(matrix);
  for (let sweep = 0, turned = true; turned && sweep < 40; sweep++) {
    turned = false;
    for (let i = 0; i < columns.length; i++) for (let j = i + 1; j < columns.length; j++) {
      const a = columns[i], b = columns[j], aa = dot(a, a), bb = dot(b, b), ab = dot(a, b);
      if (Math.abs(ab) <= 1e-14 * Math.sqrt(aa * bb)) continue;
      turned = true;
      const ratio = (bb - aa) / (2 * ab);
      const tangent = Math.sign(ratio || 1) / (Math.abs(ratio) + Math.hypot(1, ratio));
      const c = 1 / Math.hypot(1, tangent), s = c * tangent;
      columns[i] = a.map((x, k) => c * x - s * b[k]);
      columns[j] = a.map((x, k) => s * x + c * b[k]);
    }
  }
  return Math.max(...columns.map(length));
}

/* The tape of chapter 2: a value, what it was made of, and the slope along each. */
class Value {
  static made = 0;
  constructor(data, parents = []) {
    this.data = data; this.parents = parents; this.slope = 0; this.order = Value.made++;
  }
}
const valued = x => (x instanceof Value ? x : new Value(x));
const unary = (f, slope) => x => {
  const a = valued(x), y = f(a.data);
  return new Value(y, [[a, slope(y, a.data)]]);
};
const binary = (f, left, right) => (x, y) => {
  const a = valued(x), b = valued(y), z = f(a.data, b.data);
  return new Value(z, [[a, left(a.data, b.data)], [b, right(a.data, b.data)]]);
};
const OPERATIONS = {
  "+": binary((a, b) => a + b, () => 1, () => 1),
  "-": binary((a, b) => a - b, () => 1, () => -1),
  "*": binary((a, b) => a * b, (a, b) => b, a => a),
  "/": binary((a, b) => a / b, (a, b) => 1 / b, (a, b) => -a / (b * b)),
  "**": binary((a, b) => a ** b, (a, b) => b * a ** (b - 1),
               (a, b) => (a > 0 ? a ** b * Math.log(a) : 0)),
  tanh: unary(Math.tanh, y => 1 - y * y),
  sigmoid: unary(sigmoid, y => y * (1 - y)),
  relu: unary(x => Math.max(x, 0), (y, x) => (x > 0 ? 1 : 0)),
  exp: unary(Math.exp, y => y),
  log: unary(Math.log, (y, x) => 1 / x),
  sqrt: unary(Math.sqrt, y => 0.5 / y),
  sin: unary(Math.sin, (y, x) => Math.cos(x)),
  cos: unary(Math.cos, (y, x) => -Math.sin(x)),
  abs: unary(Math.abs, (y, x) => Math.sign(x)),
};
const { "+": add, "-": subtract, "*": multiply, tanh } = OPERATIONS;

function backward(end) {
  const seen = new Set([end]), all = [end];
  for (const value of all) for (const [parent] of value.parents)
    if (!seen.has(parent)) { seen.add(parent); all.push(parent); }
  end.slope = 1;
  for (const value of all.sort((a, b) => b.order - a.order))
    for (const [parent, slope] of value.parents) parent.slope += value.slope * slope;
}

/* Numbers that do not repeat from one press to the next, but do from one visit to the next. */
function chance(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/* What the chapter handed over: an array comes as its bytes. */
function decoded(item) {
  if (Array.isArray(item)) return item.map(decoded);
  if (item === null || typeof item !== "object") return item;
  if (!("bytes" in item))
    return Object.fromEntries(Object.entries(item).map(([key, value]) => [key, decoded(value)]));
  const bytes = Uint8Array.from(atob(item.bytes), letter => letter.charCodeAt(0)).buffer;
  let values = [...(item.dtype === "float32" ? new Float32Array(bytes) : new Float64Array(bytes))];
  for (const size of item.shape.slice(1).reverse())
    values = range(values.length / size).map(k => values.slice(k * size, (k + 1) * size));
  return values;
}

// Pictures: SVG as text, one unit to a pixel of the page

const escaped = text => String(text).replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`);
const part = (tag, attributes, inside = "") => `<${tag} ${Object.entries(attributes).map(
  ([name, value]) => `${name}="${typeof value === "number" ? +value.toFixed(2) : escaped(value)}"`,
).join(" ")}>${inside}</${tag}>`;
const line = (x1, y1, x2, y2, kind = "ink") => part("line", { x1, y1, x2, y2, class: kind });
const dash = (x1, y1, x2, y2) => line(x1, y1, x2, y2, "ink dashed");
const disc = (cx, cy, r, kind, more = {}) => part("circle", { cx, cy, r, class: kind, ...more });
const box = (x, y, width, height, kind, more = {}) =>
  part("rect", { x, y, width, height, class: kind, ...more });
const word = (x, y, text, kind = "", anchor = "middle") =>
  part("text", { x, y, class: kind, "text-anchor": anchor }, escaped(text));
const curve = (points, kind) => part("path", {
  d: points.map(([x, y], k) => `${k ? "L" : "M"}${x.toFixed(2)} ${y.toFixed(2)}`).join(""),
  class: `curve ${kind}`,
});
const arrow = (x1, y1, x2, y2, kind, more = {}) => {
  const far = Math.hypot(x2 - x1, y2 - y1) || 1, ux = (x2 - x1) / far, uy = (y2 - y1) / far;
  const tip = [[x2, y2], [x2 - 8 * ux + 4 * uy, y2 - 8 * uy - 4 * ux],
               [x2 - 8 * ux - 4 * uy, y2 - 8 * uy + 4 * ux]];
  return part("g", { class: kind, ...more }, line(x1, y1, x2 - 5 * ux, y2 - 5 * uy, kind)
    + part("polygon", { points: tip.map(p => p.join(" ")).join(","), class: `solid ${kind}` }));
};
/* A bar from 0 to a value, where `unit` pixels are 1. */
const bar = (x, zero, width, value, unit, kind) =>
  box(x, value < 0 ? zero : zero - value * unit, width, Math.abs(value * unit), kind);
const scale = (low, high, from, to) => x => from + ((x - low) / (high - low)) * (to - from);

/* Axes for curves: where x and y lie, and the lines and numbers of the frame. */
function axes({ w, h }, [left, right], [low, high], { xs, ys, x = "", y = "" }) {
  const X = scale(left, right, 44, w - 10), Y = scale(low, high, h - 36, 18);
  const frame = line(44, h - 36, w - 10, h - 36) + line(44, 18, 44, h - 36)
    + xs.map(([at, text]) => word(X(at), h - 20, text, "small")).join("")
    + ys.map(([at, text]) => word(38, Y(at) + 4, text, "small", "end")).join("")
    + word((44 + w - 10) / 2, h - 4, x, "small") + word(44, 11, y, "small", "start");
  return { X, Y, frame };
}

/* A number for people: three digits, and a power of ten where there are many zeros. */
function shown(x) {
  if (x === 0) return "0";
  const text = Math.abs(x) >= 0.001 && Math.abs(x) < 10000
    ? String(+x.toPrecision(3))
    : x.toExponential(1).replace(/e\+?(-?\d+)/, (_, power) => `·10${power.replace(
      /[-\d]/g, sign => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)])}`);
  return text.replace("-", "−");
}

// Controls: each has a name in the settings, where it starts, and elements in the page

const element = (tag, properties = {}, ...inside) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...inside);
  return made;
};

const slider = (name, label, low, high, step, start, unit = "") => ({
  name, start,
  make(figure) {
    const input = element("input", { type: "range", min: low, max: high, step });
    const output = element("output");
    input.addEventListener("input", () => figure.set({ [name]: +input.value }));
    this.update = value => {
      input.value = value;
      output.textContent = shown(value) + unit;
    };
    return element("label", {}, element("span", { textContent: label }), input, output);
  },
});

const toggle = (name, label, start = false) => ({
  name, start,
  make(figure) {
    const input = element("input", { type: "checkbox" });
    input.addEventListener("change", () => figure.set({ [name]: input.checked }));
    this.update = value => { input.checked = value; };
    return element("label", {}, input, element("span", { textContent: label }));
  },
});

/* One of some values with their words; `then` says what else a new choice sets. */
const choice = (name, label, options, start = options[0][0], then = () => ({})) => ({
  name, start,
  make(figure) {
    const input = element("select", {}, ...options.map(
      ([value, text]) => element("option", { value: String(value), textContent: text })));
    input.addEventListener("change", () => {
      const [chosen] = options.find(([value]) => String(value) === input.value);
      figure.set({ ...then(figure.settings, chosen), [name]: chosen });
    });
    this.update = value => { input.value = String(value); };
    return element("label", {}, element("span", { textContent: label }), input);
  },
});

/* Rows of buttons, each of which goes through some values when it is pressed. */
const grid = (name, rows, columns, values, start) => ({
  name, start,
  make(figure) {
    const buttons = start.map((line, row) => line.map((_, column) => {
      const button = element("button", { type: "button" });
      button.addEventListener("click", () => {
        const next = figure.settings[name].map(values => [...values]);
        const place = values.findIndex(value => value === next[row][column]);
        next[row][column] = values[(place + 1) % values.length];
        figure.set({ [name]: next });
      });
      return button;
    }));
    this.update = settings => buttons.forEach((line, row) => line.forEach((button, column) => {
      const value = settings[row][column];
      button.textContent = shown(value);
      button.style.setProperty("--share", value);
      button.ariaLabel = `${rows[row]}, ${columns[column]}: ${shown(value)}`;
    }));
    const made = element("div", { className: "grid" }, ...buttons.map((line, row) => element(
      "div", { role: "group", ariaLabel: rows[row] },
      element("span", { textContent: rows[row] }), ...line)));
    made.style.setProperty("--columns", columns.length);
    return made;
  },
});

const press = (label, change) => ({
  make(figure) {
    const button = element("button", { type: "button" });
    button.addEventListener("click", () => figure.set(
      change(figure.settings, figure.numbers, figure.data)));
    this.update = () => {
      button.textContent = typeof label === "function" ? label(figure.numbers) : label;
    };
    return button;
  },
});

const typed = (name, label, start) => ({
  name, start,
  make(figure) {
    const input = element("textarea", { rows: start.split("\n").length + 1, spellcheck: false });
    input.addEventListener("input", () => figure.set({ [name]: input.value }));
    this.update = value => { if (input.value !== value) input.value = value; };
    return element("label", { className: "typed" }, element("span", { textContent: label }), input);
  },
});

// A figure in the page

class Figure {
  constructor(place) {
    this.place = place;
    this.recipe = FIGURES[place.dataset.figure];
    this.data = decoded(JSON.parse(place.querySelector("script").textContent));
    this.settings = {};
    this.panel = element("div", { className: "controls" });
    this.extra = element("div", { className: "controls" });
    this.picture = element("div", { className: "picture" });
    this.words = element("p", { className: "said", ariaLive: "polite" });
    this.controls = this.make(this.recipe.controls(this.data), this.panel);
    this.others = [];
    this.listen();
    this.show();
    place.append(this.panel, this.picture, this.words, this.extra);
    place.querySelector(".still").hidden = true;
    new ResizeObserver(() => { if (this.width() !== this.drawn) this.show(); }).observe(place);
  }

  make(controls, panel) {
    for (const control of controls) {
      if (control.name && !(control.name in this.settings))
        this.settings[control.name] = control.start;
      panel.append(control.make(this));
    }
    return controls;
  }

  width() { return clamped(Math.floor(this.place.clientWidth) - 34, 280, 660); }

  set(changes) {
    Object.assign(this.settings, changes);
    this.show();
  }

  show() {
    const { recipe, settings, data } = this;
    if (recipe.more) {
      const wanted = recipe.more(settings, data);
      if (String(wanted.map(c => c.name)) !== String(this.others.map(c => c.name))) {
        this.extra.replaceChildren();
        this.others = this.make(wanted, this.extra);
      }
    }
    this.numbers = recipe.numbers(settings, data);
    this.drawn = this.width();
    const size = { w: this.drawn, h: Math.round(this.drawn * (this.drawn < 450 ? 0.8 : 0.55)) };
    const picture = recipe.draw(this.numbers, settings, size, data);
    const words = recipe.said(this.numbers, settings, data);
    this.picture.innerHTML = picture.startsWith("<table") ? picture : part("svg", {
      viewBox: `0 0 ${size.w} ${size.h}`, role: "img", "aria-label": words,
    }, picture);
    this.words.textContent = words;
    for (const control of [...this.controls, ...this.others])
      control.update(control.name ? settings[control.name] : undefined);
  }

  listen() {
    let handle = null;
    const pull = event => {
      const frame = this.picture.getBoundingClientRect(), zoom = this.drawn / frame.width;
      const point = [(event.clientX - frame.left) * zoom, (event.clientY - frame.top) * zoom];
      const size = { w: this.drawn, h: frame.height * zoom };
      this.set(this.recipe.drag(handle, point, this.settings, size, this.data));
    };
    this.picture.addEventListener("pointerdown", event => {
      handle = event.target.closest("[data-handle]")?.dataset.handle;
      if (handle === undefined) return;
      this.picture.setPointerCapture(event.pointerId);
    });
    this.picture.addEventListener("touchstart", event => {
      if (event.target.closest("[data-handle]")) event.preventDefault(); // or the page would scroll
    }, { passive: false });
    this.picture.addEventListener("pointermove", event => {
      if (handle !== undefined && handle !== null) pull(event);
    });
    for (const end of ["pointerup", "pointercancel"])
      this.picture.addEventListener(end, () => { handle = null; });
  }
}

document.addEventListener("DOMContentLoaded", () => {
  for (const place of document.querySelectorAll(".live")) place.figure = new Figure(place);
});
