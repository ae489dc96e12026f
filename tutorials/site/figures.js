/* One live figure for each chapter. */

// 1. Where will the ball go? The trained network of the chapter says it, with its own weights.

function flight(place, degrees, speed, frames) {
  const angle = (degrees * Math.PI) / 180, film = [];
  let velocity = [speed * Math.cos(angle), speed * Math.sin(angle)];
  for (let frame = 0; frame < frames; frame++) {
    film.push(place);
    place = plus(place, velocity);
    velocity = velocity.map((v, k) => (Math.abs(place[k]) > 1 ? -v : v));
    place = place.map(x => (Math.abs(x) > 1 ? 2 * Math.sign(x) - x : x));
  }
  return film;
}

FIGURES.ball = {
  controls: () => [
    slider("seen", say("frames that it sees", "fotogramas que ve"), 1, 8, 1, 8),
    slider("angle", say("direction", "dirección"), 0, 355, 5, 35, "°"),
    slider("speed", say("speed", "rapidez"), 0.1, 0.3, 0.01, 0.2),
    slider("x", say("start, across", "salida, horizontal"), -0.95, 0.95, 0.05, -0.6),
    slider("y", say("start, up", "salida, vertical"), -0.95, 0.95, 0.05, -0.5),
  ],
  numbers({ seen, angle, speed, x, y }, { memory, output }) {
    const film = flight([x, y], angle, speed, 20), predicted = [];
    let state = zeros(output.weight[0].length), next;
    const hear = place => {
      state = affine(memory, [...state, ...place]).map(Math.tanh);
      next = plus(place, affine(output, state));
    };
    film.slice(8 - seen, 8).forEach(hear);
    while (predicted.push(next) < 12) hear(next);
    const [off, stays] = [last(predicted), film[7]].map(guess => length(minus(guess, last(film))));
    return { film, predicted, off, stays };
  },
  draw({ film, predicted }, { seen }, size) {
    const side = size.h = Math.min(size.w, 360), left = (size.w - side) / 2;
    const X = scale(-1.25, 1.25, left, left + side), Y = scale(-1.25, 1.25, side, 0);
    const at = ([x, y]) => [X(x), Y(y)];
    return box(X(-1), Y(1), X(1) - X(-1), Y(-1) - Y(1), "ink hollow")
      + film.map((place, k) => (k < 8
        ? disc(...at(place), 7, k < 8 - seen ? "faint" : "soft")
        : disc(...at(place), 7, "ink hollow"))).join("")
      + curve([film[7], ...predicted].map(at), "red")
      + predicted.map(place => disc(...at(place), 3.5, "red")).join("")
      + disc(...at(film[0]), 14, "handle", { "data-handle": "start" });
  },
  drag(_, [px, py], __, { w, h }) {
    const snap = z => clamped(Math.round(z * 20) / 20, -0.95, 0.95);
    return { x: snap(scale((w - h) / 2, (w + h) / 2, -1.25, 1.25)(px)),
             y: snap(scale(h, 0, -1.25, 1.25)(py)) };
  },
  said: ({ off, stays }, { seen }) => say(
    `The network sees ${seen} of the grey frames, then the light goes out. Twelve frames later `
    + `its ball (red) is ${shown(off)} from the true one; “it stays” is ${shown(stays)} away.`,
    `La red ve ${seen} de los fotogramas grises y luego se apaga la luz. Doce fotogramas después, `
    + `su pelota (roja) está a ${shown(off)} de la verdadera; «se queda» está a ${shown(stays)}.`),
};

// 2. The tape, run by hand, forward and then back

const NEURON = [
  ["p", "w·x", ["w", "x"]], ["z", "p + b", ["p", "b"]], ["y", "tanh(z)", ["z"]],
  ["e", "y − t", ["y", "t"]], ["L", "e·e", ["e", "e"]],
];

FIGURES.tape = {
  controls: () => [
    slider("w", "w", -2, 2, 0.1, 0.5), slider("x", "x", -2, 2, 0.1, 2),
    slider("b", "b", -2, 2, 0.1, -0.5), slider("t", "t", -1, 1, 0.1, 1),
    press(say("back", "atrás"), ({ at }) => ({ at: Math.max(at - 1, 0) })),
    press(say("one operation", "una operación"), ({ at }) => ({ at: Math.min(at + 1, 10) })),
    press(say("start again", "empezar de nuevo"), () => ({ at: 0 })),
    { name: "at", start: 0, make: () => "", update() {} },
  ],
  numbers({ w, x, b, t, at }) {
    const nodes = { w: new Value(w), x: new Value(x), b: new Value(b), t: new Value(t) };
    nodes.p = multiply(nodes.w, nodes.x);
    nodes.z = add(nodes.p, nodes.b);
    nodes.y = tanh(nodes.z);
    nodes.e = subtract(nodes.y, nodes.t);
    nodes.L = multiply(nodes.e, nodes.e);
    const names = Object.keys(nodes), handed = [];
    nodes.L.slope = 1;
    for (const [name] of NEURON.slice(10 - Math.max(at, 5)).reverse())
      for (const [parent, slope] of nodes[name].parents) {
        handed.push([name, names.find(key => nodes[key] === parent), slope, nodes[name].slope]);
        parent.slope += nodes[name].slope * slope;
      }
    const each = key => Object.fromEntries(names.map(name => [name, nodes[name][key]]));
    return { values: each("data"), slopes: each("slope"), handed };
  },
  draw({ values, slopes }, { at }) {
    const forward = Math.min(at, 5), turn = at > 5 ? NEURON[10 - at][0] : null;
    const known = ["w", "x", "b", "t", ...NEURON.slice(0, forward).map(([name]) => name)];
    const reached = new Set(at < 5 ? [] : ["L", ...NEURON.slice(10 - at).flatMap(([, , of]) => of)]);
    const rows = [...["w", "x", "b", "t"].map(name => [name, ""]), ...NEURON].map(
      ([name, formula], k) => {
        const here = name === turn || (at <= 5 && at > 0 && k === 3 + at);
        return part("tr", here ? { class: "here" } : {}, [
          `<i>${name}</i>`, formula, known.includes(name) ? shown(values[name]) : "",
          reached.has(name) ? shown(slopes[name]) : "",
        ].map(cell => part("td", {}, cell)).join(""));
      });
    const heads = ["", say("formula", "fórmula"), say("value", "valor"), "δ"];
    return `<table>${part("tr", {}, heads.map(head => part("th", {}, head)).join(""))}${
      rows.join("")}</table>`;
  },
  said({ handed, slopes }, { at }) {
    if (at === 0) return say(
      "Press “one operation”: first the tape is written, from top to bottom.",
      "Pulsa «una operación»: primero se escribe la cinta, de arriba abajo.");
    if (at < 5) return say(`${NEURON[at - 1][0]} has been written down.`,
                           `Se ha apuntado ${NEURON[at - 1][0]}.`);
    if (at === 5) return say("The tape is full, and δL = 1. Now back, from its end.",
                             "La cinta está llena, y δL = 1. Ahora, hacia atrás desde el final.");
    const now = NEURON[10 - at][0];
    const parts = handed.filter(([from]) => from === now).map(([from, to, slope, delta]) =>
      `δ${to} += ${shown(delta)} · ${shown(slope)}`);
    return `${say(`${now} passes on`, `${now} reparte`)}: ${parts.join(", ")}.${at < 10 ? "" : say(
      ` Done: δw = ${shown(slopes.w)}.`, ` Hecho: δw = ${shown(slopes.w)}.`)}`;
  },
};

// 3. One matrix at every step, and the share of each copy in its gradient

FIGURES.copies = {
  controls: () => [
    ...["11", "12", "21", "22"].map((index, k) => slider(
      `W${index}`, `W${index.replace(/\d/g, d => "₁₂"[d - 1])}`, -1.5, 1.5, 0.05,
      [0.8, -0.4, 0.3, 0.6][k])),
    toggle("end", say("loss at the last step only", "pérdida solo en el último paso")),
  ],
  numbers(settings, { x, target }) {
    const { W11, W12, W21, W22, end } = settings, W = [[W11, W12], [W21, W22]];
    let state = [new Value(0), new Value(0)], loss = new Value(0);
    const states = [], copies = [];
    x.forEach((given, t) => {
      const copy = W.map(row => row.map(entry => new Value(entry)));
      state = copy.map((row, j) => tanh(add(
        add(multiply(row[0], state[0]), multiply(row[1], state[1])), given[j])));
      states.push(state);
      copies.push(copy);
      if (!end || t === x.length - 1) for (const j of [0, 1]) {
        const error = subtract(state[j], target[t][j]);
        loss = add(loss, multiply(error, error));
      }
    });
    backward(loss);
    const of = key => matrix => matrix.map(row => row.map(entry => entry[key]));
    const shares = copies.map(of("slope"));
    return {
      states: of("data")(states), shares, loss: loss.data,
      gradient: range(2).map(j => range(2).map(k => sum(shares.map(share => share[j][k])))),
      sizes: shares.map(share => length(share.flat())),
    };
  },
  draw({ states, sizes }, settings, size) {
    const steps = states.length, each = size.w / steps, W = ["W11", "W12", "W21", "W22"];
    const side = Math.min(each * 0.5, 44), most = Math.max(...sizes, 1e-9);
    size.h = 230;
    return states.map((state, t) => {
      const middle = (t + 0.5) * each, left = middle - side / 2;
      const cells = W.map((name, k) => box(
        left + (k % 2) * side / 2, 60 + Math.floor(k / 2) * side / 2, side / 2, side / 2,
        settings[name] < 0 ? "blue cell" : "red cell",
        { "fill-opacity": Math.abs(settings[name]) / 1.5 })).join("");
      return (t ? arrow(left - each + side + 2, 60 + side / 2, left - 2, 60 + side / 2, "green") : "")
        + word(middle, 14, `h${"₁₂₃₄₅₆₇₈"[t]}`, "small")
        + state.map((h, j) => bar(middle - 12 + 13 * j, 36, 11, h, 16, "green")).join("")
        + box(left, 60, side, side, "ink hollow") + cells
        + bar(middle - side / 2, 212, side, sizes[t] / most, 80, "red")
        + word(middle, 226, shown(sizes[t]), "small");
    }).join("") + line(0, 212, size.w, 212)
      + word(2, 126, say("share of each copy", "parte de cada copia"), "small", "start");
  },
  said: ({ gradient, loss }) => say(
    `One matrix, drawn six times; move an entry, and all six move. L = ${shown(loss)}; the copies’ `
    + `shares add up to ∂L/∂W = (${gradient.map(row => row.map(shown).join(", ")).join("; ")}).`,
    `Una sola matriz, dibujada seis veces; mueve un elemento y se mueven las seis. L = ${
      shown(loss)}; las partes de las copias suman ∂L/∂W = (${
      gradient.map(row => row.map(shown).join(", ")).join("; ")}).`),
};

// 4. How far a gradient reaches, as the recurrent weights grow

FIGURES.fading = {
  controls: () => [
    slider("r", say("size of the weights, r", "tamaño de los pesos, r"), 0.3, 2, 0.05, 0.9),
    slider("k", say("steps between, k", "pasos de distancia, k"), 1, 100, 1, 10),
    toggle("bent", say("with the tanh", "con la tanh"), true),
  ],
  numbers({ r, bent }, { rotation, noise }) {
    const W = rotation.map(row => scaled(row, r)), sizes = [];
    let h = zeros(W.length), jacobian = W.map((_, j) => W.map((_, k) => +(j === k)));
    for (const x of noise) {
      const a = plus(times(W, h), x);
      h = bent ? a.map(Math.tanh) : a;
      jacobian = product(W, jacobian).map((row, j) => scaled(row, bent ? 1 - h[j] * h[j] : 1));
      sizes.push(stretch(jacobian));
    }
    const reach = sizes.findIndex(size => size < 0.01);
    return { sizes, reach: reach < 0 ? null : reach };
  },
  draw({ sizes }, { r, k }, size) {
    const { X, Y, frame } = axes(size, [0, 100], [-16, 8], {
      xs: [0, 20, 40, 60, 80, 100].map(at => [at, at]),
      ys: [[-16, "10⁻¹⁶"], [-8, "10⁻⁸"], [0, "1"], [8, "10⁸"]],
      x: say("steps between, k", "pasos de distancia, k"), y: "‖∂hₜ₊ₖ/∂hₜ‖",
    });
    const at = value => Y(clamped(Math.log10(Math.max(value, 1e-99)), -16, 8));
    return frame + dash(X(0), at(1), X(100), at(1)) + dash(X(0), at(0.01), X(100), at(0.01))
      + word(X(100), at(0.01) - 4, "1 %", "small", "end")
      + curve(sizes.map((_, n) => [X(n + 1), at(r ** (n + 1))]), "soft")
      + curve(sizes.map((value, n) => [X(n + 1), at(value)]), "red")
      + line(X(k), Y(-16), X(k), Y(8), "faint") + disc(X(k), at(sizes[k - 1]), 6, "red");
  },
  said: ({ sizes, reach }, { k, bent }) => say(
    `After ${k} steps a gradient is multiplied by at most ${shown(sizes[k - 1])} (red; the grey line `
    + `is r to the power of k). ${reach === null ? "It stays above 1 % for all 100 steps."
      : `It falls below 1 % after ${reach + 1} steps.`}${bent ? "" : " Without the tanh the two are the same."}`,
    `Tras ${k} pasos, un gradiente se multiplica como mucho por ${shown(sizes[k - 1])} (en rojo; la `
    + `línea gris es r elevado a k). ${reach === null ? "Sigue por encima del 1 % los 100 pasos."
      : `Baja del 1 % tras ${reach + 1} pasos.`}${bent ? "" : " Sin la tanh, las dos son la misma."}`),
};

// 5. The belt of an LSTM, its gates in the reader's hands

const STORED = 2, SHOWN = 8; // the task: keep what passes at step 3, and show it at step 9

FIGURES.belt = {
  controls: ({ passing }) => [
    slider("hold", say("all forget gates at once, f", "todas las puertas de olvido a la vez, f"),
           0, 1, 0.05, 1),
    grid("gates", [say("forget", "olvido"), say("input", "entrada"), say("output", "salida")],
         passing.map((_, t) => say(`step ${t + 1}`, `paso ${t + 1}`)), [1, 0.5, 0],
         [passing.map(() => 1), passing.map(() => 0.5), passing.map(() => 1)]),
  ],
  numbers({ gates: [forget, input, output], hold }, { passing }) {
    let c = new Value(0);
    const belt = [], out = [];
    passing.forEach((x, t) => {
      c = add(multiply(forget[t] * hold, c), multiply(input[t], tanh(x)));
      belt.push(c);
      out.push(output[t] * Math.tanh(c.data));
    });
    backward(c);
    const wanted = Math.tanh(Math.tanh(passing[STORED]));
    const solved = out.every((h, t) => Math.abs(h - (t === SHOWN ? wanted : 0)) < 1e-9);
    return { belt: belt.map(value => value.data), out, slopes: belt.map(v => v.slope), solved };
  },
  draw({ belt, out, slopes }, _, size, { passing }) {
    const each = (size.w - 40) / belt.length;
    const rows = [["x", passing, 18, "soft"], ["c", belt, 18, "green"], ["h", out, 18, "red"],
                  ["δc", slopes, 18, "blue"]];
    size.h = 236;
    return rows.map(([name, values, unit, kind], row) => {
      const zero = 34 + 54 * row;
      return word(18, zero + 4, name) + line(36, zero, size.w, zero) + values.map((value, t) => bar(
        40 + t * each, zero, each * 0.7, clamped(value, -1.4, 1.4), unit, kind)).join("");
    }).join("") + belt.map((_, t) => word(40 + (t + 0.35) * each, 232, t + 1, "small")).join("");
  },
  said: ({ solved, slopes }) => (solved ? say(
    "Done: the number of step 3 travelled on the belt and was shown at step 9 only.",
    "Conseguido: el número del paso 3 viajó por la cinta y solo se enseñó en el paso 9.") : say(
    `Task: keep the number of step 3, and show it at step 9 only. (δc: of the gradient that arrives `
    + `at step 12, ${shown(slopes[STORED])} reaches step 3.)`,
    `Tarea: guarda el número del paso 3 y enséñalo solo en el paso 9. (δc: del gradiente que llega `
    + `al paso 12, al paso 3 le llega ${shown(slopes[STORED])}).`)),
};

// 6. Five cells on the same hill: who can count?

const COUNTERS = {
  "RNN": (state, x, { w, f }) => Math.tanh(f * state + w * x),
  "LSTM 1997": (state, x, { w }) => state + Math.tanh(w * x),
  "LSTM": (state, x, { w, f }) => f * state + Math.tanh(w * x),
  "coupled": (state, x, { w, f }) => f * state + (1 - f) * Math.tanh(w * x),
  "GRU": (state, x, { w, f }) => f * state + (1 - f) * Math.tanh(w * x + state),
};

FIGURES.hill = {
  controls: () => [
    slider("top", say("height of the hill", "altura de la colina"), 2, 40, 1, 12),
    slider("f", say("what is kept, f (in the GRU 1 − z)", "lo que se conserva, f (en la GRU, 1 − z)"),
           0.5, 1, 0.01, 0.95),
    slider("w", say("weight of the step, w", "peso del paso, w"), 0.1, 2, 0.1, 0.5),
  ],
  numbers(settings) {
    const way = range(2 * settings.top).map(t => (t < settings.top ? 1 : -1)), series = {};
    for (const [name, step] of Object.entries(COUNTERS)) {
      let state = 0;
      series[name] = way.map(x => (state = step(state, x, settings)));
    }
    return { series };
  },
  draw({ series }, { top }, size) {
    const all = Object.values(series).flat(), high = Math.max(...all, 1), low = Math.min(...all, -0.5);
    const { X, Y, frame } = axes(size, [0, 2 * top], [low, high * 1.1], {
      xs: [0, top, 2 * top].map(at => [at, at]), ys: [[0, 0], [high, shown(high)]],
      x: say("step", "paso"), y: say("memory", "memoria"),
    });
    const kinds = ["soft", "green", "red", "blue", "gold"];
    return frame + dash(X(0), Y(0), X(2 * top), Y(0)) + line(X(top), Y(low), X(top), Y(high), "faint")
      + Object.entries(series).map(([name, states], k) =>
        curve([0, ...states].map((state, t) => [X(t), Y(state)]), kinds[k])
        + word(X(0) + 12, 30 + 15 * k, name === "coupled" ? say("coupled", "acoplada") : name,
               `small ${kinds[k]}`, "start")).join("");
  },
  said({ series }, { top }) {
    const early = Object.entries(series).map(([name, states]) => {
      const back = states.findIndex((state, t) => t >= top && state <= 1e-9);
      const down = back < 0 ? `> ${top}` : back - top + 1;
      return `${name === "coupled" ? say("coupled", "acoplada") : name} ${down}`;
    });
    return say(`Steps down until the memory is back at 0 (right: ${top}): ${early.join(", ")}.`,
               `Pasos de bajada hasta que la memoria vuelve a 0 (lo correcto: ${top}): ${
                 early.join(", ")}.`);
  },
};

// 7. An arrow among the words: cosines under the finger, and sums of words

FIGURES.plane = {
  controls: ({ words }) => [
    slider("angle", say("direction of the arrow", "dirección de la flecha"), 0, 359, 1, 30, "°"),
    ...[["a", 0], ["b", 2], ["c", 3]].map(([name, start], k) => choice(
      name, [say("word", "palabra"), "−", "+"][k], words.map((text, n) => [n, text]), start)),
  ],
  numbers({ angle, a, b, c }, { vectors, flat }) {
    const turned = (angle * Math.PI) / 180, arrow = [Math.cos(turned), Math.sin(turned)];
    const made = plus(minus(vectors[a], vectors[b]), vectors[c]);
    const near = vectors.map(vector => cosine(made, vector));
    const rest = range(vectors.length).filter(k => ![a, b, c].includes(k));
    return { cosines: flat.map(place => cosine(arrow, place)), near,
             found: rest.reduce((best, k) => (near[k] > near[best] ? k : best)) };
  },
  draw({ cosines, found }, { angle, a, b, c }, size, { words, flat }) {
    const side = size.h = Math.min(size.w, 400), long = side * 0.42, turned = (angle * Math.PI) / 180;
    const unit = long / Math.max(...flat.map(length)), at = ([x, y]) => [size.w / 2 + x, side / 2 - y];
    const tip = at([long * Math.cos(turned), long * Math.sin(turned)]);
    return disc(...at([0, 0]), long, "faint hollow") + flat.map((place, k) => {
      const kind = k === found ? "green" : [a, b, c].includes(k) ? "blue" : "ink";
      const [x, y] = at(scaled(place, unit)), fit = cosines[k].toFixed(2).replace("-", "−");
      const said = `${words[k]} ${fit}`, half = 3.8 * said.length;
      return disc(x, y, 3.5, kind) + word(clamped(x, half, size.w - half), y - 8, said, `small ${kind}`);
    }).join("") + arrow(...at([0, 0]), ...tip, "red")
      + disc(...tip, 16, "handle", { "data-handle": "arrow" });
  },
  drag: (_, [x, y], __, { w, h }) => ({
    angle: Math.round((Math.atan2(h / 2 - y, x - w / 2) * 180) / Math.PI + 360) % 360 }),
  said({ cosines, near, found }, { a, b, c }, { words }) {
    const order = range(words.length).sort((i, j) => cosines[j] - cosines[i]);
    const [first, second] = order, far = last(order);
    return say(
      `The arrow points most towards ${words[first]} and ${words[second]}, and away from `
      + `${words[far]}. ${words[a]} − ${words[b]} + ${words[c]} ≈ ${words[found]} (${
        shown(near[found])}, of all 24 numbers).`,
      `La flecha apunta sobre todo a ${words[first]} y ${words[second]}, y se aleja de `
      + `${words[far]}. ${words[a]} − ${words[b]} + ${words[c]} ≈ ${words[found]} (${
        shown(near[found])}, con los 24 números).`);
  },
};

// 8. The chapter's language model writes, as boldly as its reader wants

FIGURES.writer = {
  controls: ({ start }) => [
    slider("temperature", say("temperature, T", "temperatura, T"), 0.1, 3, 0.1, 1),
    press(say("one word", "una palabra"), (settings, _, data) => drawn(settings, data, 1)),
    press(say("ten words", "diez palabras"), (settings, _, data) => drawn(settings, data, 10)),
    press(({ top }) => `+ ${top[0].word}`, ({ written }, { top }) => ({
      written: [...written, top[0].index] })),
    press(say("start again", "empezar de nuevo"), () => ({ written: [...start] })),
    { name: "written", start: [...start], make: () => "", update() {} },
  ],
  numbers({ temperature, written }, { model, tokens }) {
    const { embedding, z, r, h_tilde, output } = model;
    let h = zeros(z.bias.length);
    for (const index of written) {
      const x = embedding[index], joined = [...h, ...x];
      const keep = affine(z, joined).map(sigmoid), reset = affine(r, joined).map(sigmoid);
      const fresh = affine(h_tilde, [...h.map((value, k) => value * reset[k]), ...x]).map(Math.tanh);
      h = h.map((value, k) => (1 - keep[k]) * value + keep[k] * fresh[k]);
    }
    const p = softmax(scaled(affine(output, h), 1 / temperature));
    const order = range(p.length).sort((a, b) => p[b] - p[a]).slice(0, 10);
    return { p, top: order.map(index => ({ index, word: tokens[index], p: p[index] })) };
  },
  draw({ top }, _, size) {
    const X = scale(0, 1, 110, size.w - 60);
    size.h = 24 * top.length;
    return top.map(({ word: text, p }, k) => word(102, 24 * k + 17, text, "", "end")
      + box(110, 24 * k + 4, X(p) - 110, 16, "red")
      + word(X(p) + 6, 24 * k + 17, p.toFixed(3), "small", "start")).join("");
  },
  said: (_, { written }, { tokens }) => `${written.map(index => tokens[index]).join(" ")} …`,
};

/* The settings after some words have been drawn from the model. */
function drawn({ temperature, written }, data, count) {
  const random = chance(written.length * 7919 + sum(written));
  written = [...written];
  while (count-- > 0) {
    const { p } = FIGURES.writer.numbers({ temperature, written }, data);
    let left = random();
    const next = p.findIndex(share => (left -= share) < 0);
    written.push(next < 0 ? p.length - 1 : next);
  }
  return { written };
}

// 9. A lock and four keys: the query is turned by hand

function lockPlace({ w }) {
  const few = w < 450, side = few ? Math.min(w, 260) : Math.min(w * 0.52, 300);
  return { side, unit: side / 9, few };
}

FIGURES.lock = {
  controls: ({ keys }) => [
    choice("which", say("turn the query", "girar la consulta"),
           range(3).map(k => [k, `q${"₁₂₃"[k]}`]), 0, ({ which, angle, size, others }, next) => {
             others = others.map((kept, k) => (k === which ? [angle, size] : kept));
             return { others, angle: others[next][0], size: others[next][1] };
           }),
    slider("angle", say("direction", "dirección"), 0, 359, 1, 20, "°"),
    slider("size", say("length", "longitud"), 0, 4, 0.1, 2),
    { name: "others", start: [[20, 2], [110, 2], [235, 2]], make: () => "", update() {} },
  ],
  numbers({ which, angle, size, others }, { keys, values }) {
    const queries = others.map(([degrees, long], k) => {
      const [d, l] = k === which ? [angle, size] : [degrees, long], turned = (d * Math.PI) / 180;
      return [l * Math.cos(turned), l * Math.sin(turned)];
    });
    const scores = queries.map(query => scaled(times(keys, query), 1 / Math.SQRT2));
    const weights = scores.map(softmax);
    return { queries, scores, weights, context: weights.map(row => dot(row, values)) };
  },
  draw({ queries, weights }, { which }, size, { keys, values }) {
    const { side, unit, few } = lockPlace(size), middle = side / 2;
    const cell = Math.min((size.w - (few ? 0 : side) - 46) / 4, 52);
    const left = few ? 40 : side + 40, top = few ? side : 0;
    size.h = few ? side + 44 + 3 * cell : side;
    const at = ([x, y]) => [middle + unit * x, middle - unit * y];
    return keys.map((key, k) => {
      const [x, y] = at(key);
      return part("g", { "stroke-width": 1 + 5 * weights[which][k] },
                  arrow(middle, middle, x, y, "blue heavy"))
        + word(x + 10 * Math.sign(key[0] || 1), y - 6, `k${"₁₂₃₄"[k]}`, "blue");
    }).join("") + queries.map((query, k) => arrow(
      middle, middle, ...at(query), k === which ? "red" : "faint")).join("")
      + disc(...at(queries[which]), 16, "handle", { "data-handle": "query" })
      + values.map((value, k) => word(
        left + (k + 0.48) * cell, top + 32, `k${"₁₂₃₄"[k]}: ${value}`, "small")).join("")
      + weights.map((row, q) => {
        const up = top + 40 + q * cell;
        return word(left - 14, up + 0.6 * cell, `q${"₁₂₃"[q]}`, q === which ? "red" : "")
          + row.map((weight, k) => box(left + k * cell, up, cell - 2, cell - 2, "blue cell",
                                       { "fill-opacity": weight })
            + word(left + (k + 0.48) * cell, up + 0.58 * cell, weight.toFixed(2), "small")).join("");
      }).join("");
  },
  drag(_, [x, y], __, size) {
    const { side, unit } = lockPlace(size), dx = x - side / 2, dy = side / 2 - y;
    return { angle: Math.round((Math.atan2(dy, dx) * 180) / Math.PI + 360) % 360,
             size: clamped(Math.round((Math.hypot(dx, dy) / unit) * 10) / 10, 0, 4) };
  },
  said: ({ weights, context }, { which }) => say(
    `What comes back to q${"₁₂₃"[which]}: ${shown(context[which])}, the values weighted by ${
      weights[which].map(w => w.toFixed(2)).join(", ")}.`,
    `A q${"₁₂₃"[which]} le vuelve ${shown(context[which])}: los valores con los pesos ${
      weights[which].map(w => w.toFixed(2)).join(", ")}.`),
};

// 10. Heads, mask and places of the trained block, switched on and off

FIGURES.heads = {
  controls: ({ heads }) => [
    ...range(heads).map(k => toggle(`head${k}`, `${say("head", "cabeza")} ${k + 1}`, true)),
    choice("mask", say("mask", "máscara"), [["none", say("none", "ninguna")], ["causal", "causal"]]),
    toggle("places", say("positions", "posiciones"), true),
  ],
  numbers(settings, { x, places, norm, attention, out, heads }) {
    const rows = x.map((row, t) => {
      const there = settings.places ? plus(row, places[t]) : row, mean = sum(there) / row.length;
      const centred = there.map(value => value - mean);
      const spread = Math.sqrt(dot(centred, centred) / row.length + 1e-5);
      return centred.map((value, k) => norm.weight[k] * value / spread + norm.bias[k]);
    });
    const width = x[0].length, size = width / heads;
    const all = rows.map(row => affine(attention, row));
    const cut = (block, head) => all.map(row => row.slice(
      block * width + head * size, block * width + (head + 1) * size));
    const weights = range(heads).map(head => {
      const keys = cut(1, head);
      return cut(0, head).map((query, t) => softmax(keys.map((key, s) => (
        settings.mask === "causal" && s > t ? -Infinity : dot(query, key) / Math.sqrt(size)))));
    });
    const brought = weights.map((map, head) => (settings[`head${head}`]
      ? product(map, cut(2, head)) : rows.map(() => zeros(size))));
    return { weights, output: rows.map((_, t) => affine(out, brought.flatMap(part => part[t]))) };
  },
  draw({ weights }, settings, size, { words, ask }) {
    const on = range(weights.length).filter(head => settings[`head${head}`]);
    const few = size.w < 480, columns = few ? 2 : 4, each = size.w / columns;
    const count = words.length, cell = (each - 14) / count, high = cell * count + 26;
    const top = Math.ceil(weights.length / columns) * high + 8;
    size.h = top + 24 * on.length + 78;
    const maps = weights.map((map, head) => {
      const left = (head % columns) * each + 4, up = Math.floor(head / columns) * high + 18;
      return word(left, up - 5, `${say("head", "cabeza")} ${head + 1}`, on.includes(head) ? "small" : "small faint", "start")
        + box(left, up, cell * count, cell * count, "ink hollow")
        + (on.includes(head) ? map.flatMap((row, t) => row.map((weight, s) => box(
          left + s * cell, up + t * cell, cell, cell, "blue cell", { "fill-opacity": weight }))).join("") : "");
    }).join("");
    const wide = (size.w - 70) / count;
    const rows = on.map((head, row) => word(60, top + 24 * row + 15, head + 1, "small", "end")
      + weights[head][ask].map((weight, s) => box(
        66 + s * wide, top + 24 * row, wide - 1, 22, "blue cell", { "fill-opacity": weight })).join("")).join("");
    const names = words.map((text, s) => part("text", {
      transform: `translate(${(66 + (s + 0.6) * wide).toFixed(1)} ${top + 24 * on.length + 12}) rotate(-35)`,
      "text-anchor": "end", class: s === ask ? "small red" : "small",
    }, escaped(text))).join("");
    return maps + rows + names;
  },
  said({ weights }, settings, { words, ask }) {
    const on = range(weights.length).filter(head => settings[`head${head}`]);
    if (!on.length) return say("Without any head, nothing is looked at.", "Sin cabezas no se mira nada.");
    const mean = words.map((_, s) => sum(on.map(head => weights[head][ask][s])) / on.length);
    const most = mean.indexOf(Math.max(...mean));
    return say(
      `Above, each head’s map: a row for each word that asks. Below, the row of the gap: on average it `
      + `looks most at “${words[most]}” (${shown(mean[most])}).`,
      `Arriba, el mapa de cada cabeza, con una fila por palabra que pregunta. Abajo, la fila del hueco: `
      + `en promedio mira sobre todo a «${words[most]}» (${shown(mean[most])}).`);
  },
};

// 11. A digit drawn from its code, as one entry of the code moves

FIGURES.digit = {
  controls: ({ codes }) => [
    choice("digit", say("start from a", "partir de un"), codes.map((_, k) => [k, k]), 3),
    choice("entry", say("entry of the code", "elemento del código"),
           codes[0].map((_, k) => [k, k + 1]), 0),
    slider("move", say("moved by (standard deviations)", "movido (desviaciones típicas)"),
           -3, 3, 0.1, 0),
  ],
  numbers({ digit, entry, move }, { codes, spread, decoder }) {
    const picture = by => {
      let row = codes[digit].map((value, k) => value + (k === entry ? by * spread[k] : 0));
      decoder.forEach((layer, k) => {
        row = affine(layer, row);
        if (k < decoder.length - 1) row = row.map(value => Math.max(value, 0));
      });
      return row;
    };
    return { pixels: picture(move), row: range(7).map(k => picture(k - 3)) };
  },
  draw({ pixels, row }, { move }, size) {
    const large = Math.min(200, size.w * 0.6), small = (size.w - 6 * 8) / 7;
    size.h = large + small + 34;
    const grid = (values, left, top, side) => values.map((value, k) => box(
      left + (k % 8) * side / 8, top + Math.floor(k / 8) * side / 8, side / 8 + 0.4, side / 8 + 0.4,
      "ink cell", { "fill-opacity": clamped(value, 0, 1) })).join("")
      + box(left, top, side, side, "ink hollow");
    return grid(pixels, (size.w - large) / 2, 0, large) + row.map((values, k) =>
      grid(values, k * (small + 8), large + 12, small)
      + word(k * (small + 8) + small / 2, size.h - 4, `${k - 3}`.replace("-", "−"),
             Math.round(move) === k - 3 ? "small red" : "small")).join("");
  },
  said: (_, { digit, entry, move }) => say(
    `The decoder draws the code of a ${digit} with entry ${entry + 1} moved by ${shown(move)}. `
    + "Below, the same entry from −3 to 3.",
    `El decodificador dibuja el código de un ${digit} con el elemento ${entry + 1} movido ${
      shown(move)}. Debajo, el mismo elemento de −3 a 3.`),
};

// 12. The reader's own cell: equations that are typed, with a slider for every number in them

/* An assignment for each line, as a function of names to Values. */
function understood(text) {
  const lines = text.split("\n").map(row => row.split("#")[0].trim()).filter(Boolean);
  return lines.map(row => {
    const [, name, right] = row.match(/^([a-z_]\w*)\s*=\s*(.+)$/i)
      ?? fault(say(`“${row}”: expected name = formula`, `«${row}»: se esperaba nombre = fórmula`));
    const tokens = right.match(/\*\*|[-+*/()]|\d+\.?\d*(?:e-?\d+)?|[a-z_]\w*|\S/gi), names = [];
    const next = sign => tokens[0] === sign && tokens.shift();
    const level = (signs, below) => () => {
      let left = below(), sign;
      while (signs.includes(tokens[0]) && (sign = tokens.shift())) {
        const [a, operation, b] = [left, OPERATIONS[sign], below()];
        left = known => operation(a(known), b(known));
      }
      return left;
    };
    const whole = level(["+", "-"], level(["*", "/"], signed));
    function signed() {
      if (!next("-")) return power();
      const of = signed();
      return known => multiply(-1, of(known));
    }
    function power() {
      const base = atom();
      if (!next("**")) return base;
      const exponent = signed();
      return known => OPERATIONS["**"](base(known), exponent(known));
    }
    function atom() {
      const token = tokens.shift() ?? fault(say(`“${row}” breaks off`, `«${row}» está incompleta`));
      if (/^\d/.test(token)) return () => new Value(+token);
      const call = /^[a-z_]/i.test(token) && next("(");
      if (call && !Object.hasOwn(OPERATIONS, token)) fault(say(
        `there is no function “${token}”`, `no hay ninguna función «${token}»`));
      if (call || token === "(") {
        const inside = whole();
        if (!next(")")) fault(say(`“${row}”: a ) is missing`, `«${row}»: falta un )`));
        return call ? known => OPERATIONS[token](inside(known)) : inside;
      }
      if (!/^[a-z_]/i.test(token)) fault(say(`“${row}”: “${token}” is not expected there`,
                                             `«${row}»: ahí no se esperaba «${token}»`));
      names.push(token);
      return known => known[token];
    }
    const formula = whole();
    if (tokens.length) fault(say(`“${row}”: “${tokens[0]}” is not expected there`,
                                 `«${row}»: ahí no se esperaba «${tokens[0]}»`));
    return { name, names, formula };
  });
}

function fault(message) { throw new SyntaxError(message); }

/* States are read before they are written; numbers are read and never written. */
function cellOf(text) {
  const rows = understood(text), written = new Set(rows.map(row => row.name));
  const states = new Set(), numbers = new Set(), before = new Set();
  for (const { name, names } of rows) {
    for (const read of names) if (read !== "x" && !before.has(read))
      (written.has(read) ? states : numbers).add(read);
    before.add(name);
  }
  if (!states.size) fault(say("no state: a name that is read before its line, such as h",
                              "falta un estado: un nombre que se lea antes de su línea, como h"));
  return { rows, states: [...states], numbers: [...numbers] };
}

const SIGNALS = {
  pulse: t => (t === 2 ? 1 : 0), hill: t => (t < 10 ? 1 : -1), wave: t => Math.sin(t / 2),
};

FIGURES.equations = {
  controls: ({ start }) => [
    typed("text", say("one step, in your words (the input is x)",
                      "un paso, con tus palabras (la entrada es x)"), start),
    choice("signal", say("input", "entrada"), [["pulse", say("pulse at step 3", "pulso en el paso 3")],
      ["hill", say("up and down", "subir y bajar")], ["wave", say("wave", "onda")]]),
  ],
  more(settings) {
    try {
      const { numbers } = cellOf(settings.text);
      return numbers.map(name => slider(name, name, -4, 4, 0.1, 1));
    } catch { return []; }
  },
  numbers(settings) {
    try {
      const { rows, states, numbers } = cellOf(settings.text);
      const known = Object.fromEntries([
        ...states.map(name => [name, new Value(0)]),
        ...numbers.map(name => [name, new Value(settings[name] ?? 1)])]);
      const kept = Object.fromEntries(numbers.map(name => [name, known[name]]));
      const series = Object.fromEntries(states.map(name => [name, []]));
      for (const t of range(20)) {
        known.x = new Value(SIGNALS[settings.signal](t));
        for (const { name, formula } of rows) known[name] = formula(known);
        for (const name of states) series[name].push(known[name]);
      }
      const end = last(series[last(states)]);
      backward(end);
      const each = (some, key) => Object.fromEntries(Object.entries(some).map(
        ([name, values]) => [name, values.map(value => value[key])]));
      return { states: each(series, "data"), slopes: each(series, "slope"),
               gradient: Object.fromEntries(numbers.map(name => [name, kept[name].slope])),
               of: last(states), error: null };
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return { states: {}, slopes: {}, gradient: {}, of: "", error: error.message };
    }
  },
  draw({ states, slopes, of, error }, _, size) {
    if (error) return word(size.w / 2, size.h / 2, "…");
    const half = { w: size.w, h: Math.round(size.h * 0.55) }, kinds = ["green", "red", "blue", "gold"];
    size.h = 2 * half.h;
    const panel = (all, y) => {
      const values = Object.values(all).flat().filter(Number.isFinite);
      const high = Math.max(...values, 0.1), low = Math.min(...values, 0);
      const { X, Y, frame } = axes(half, [1, 20], [low, high], {
        xs: [1, 5, 10, 15, 20].map(at => [at, at]),
        ys: [[low, shown(low)], [high, shown(high)]], x: say("step", "paso"), y });
      return frame + line(X(1), Y(0), X(20), Y(0), "faint") + Object.entries(all).map(
        ([name, line], k) => curve(line.map((value, t) => [X(t + 1), Y(value)]), kinds[k % 4])
          + word(size.w - 16 - 26 * k, 14, name, kinds[k % 4], "end")).join("");
    };
    return panel(states, say("states", "estados")) + part("g", {
      transform: `translate(0 ${half.h})` }, panel(slopes, `∂${of}₂₀/∂…ₜ`));
  },
  said: ({ gradient, of, error }) => error ?? `${say(
    `Slopes of ${of} at step 20`, `Pendientes de ${of} en el paso 20`)}: ${Object.entries(gradient)
    .map(([name, slope]) => `∂${of}/∂${name} = ${shown(slope)}`).join(", ") || "–"}.`,
};
