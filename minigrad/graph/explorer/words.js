// What the page says, in English and Spanish; {0} and {1} are filled in.

const WORDS = {
  en: {
    language: "Language",
    fit: "Fit", in: "Zoom in", out: "Zoom out",
    search: "Search", found: "{0} of {1}", nothing: "nothing found",
    step: "Step", of_steps: "{0} of {1}",
    play_back: "Play backward", play: "Play forward", pause: "Pause",
    previous: "One operation back", next: "One operation forward",
    backward: "Show backward", fold: "Fold step", unfold: "Expand step",
    fold_all: "Fold all", unfold_all: "Expand all",
    open: "Expand gate", close: "Fold gate",
    graph: "Graph of {0}. Arrow keys go from node to node, Enter expands a gate, F folds a step.",
    details: "Details",
    pick: "Choose a node with a click or the arrow keys.",
    layer: "layer", point: "operation", operation: "operation", state: "state", input: "input",
    join: "joined lines", parameter: "parameter", ellipsis: "left out",
    at_step: "step {0}", outside: "outside of steps", shape: "shape {0}",
    value: "Value", gradient: "Gradient ∂L/∂value", formula: "Formula",
    derivative: "Local derivative", adjoint: "What goes back to the operands",
    by_sympy: "derived by SymPy", by_rule: "the engine's own rule, run on names",
    no_notation: "There is no formula for it: it moves or adds up entries.",
    no_derivative: "There is no formula for its derivative here; what the judges say of its rule stands below.",
    at_entry: "Numbers at entry {0}", no_numbers: "Too many entries to put numbers in.",
    judges: "Judges", passed: "passed", failed: "FAILED",
    proof: "proof", exact: "exact", numeric: "numeric",
    entries: "{0} entries", error: "relative error {0}",
    judged_as: "{0} by itself, on shapes of its own:",
    not_judged: "Not judged here: run minigrad verify on it.",
    no_samples: "Not judged: it carries no samples to judge it on.",
    whole: "{0} as a whole:", whole_not_judged: "{0} as a whole was not judged here: run minigrad verify.",
    inside: "Operations in it", parameters: "Parameters", operands: "Operands", constant_number: "the number {0}",
    no_backward: "No backward() yet: there is no gradient.",
    not_kept: "Not kept: backward() keeps the gradients of leaves, and of what has called retain_grad().",
    constant: "A constant: no gradient is wanted.",
    no_value: "The value was not kept.",
    no_node: "Drawn where several layers read the same values; not an operation of its own.",
    min: "minimum", mean: "mean", max: "maximum", nonfinite: "not finite",
    empty: "no entries", no_entries: "no numbers",
    loss: "The gradients are those of {0}.",
    step_label: "Step {0}", folded: "folded", now: "Now: {0}", end: "The end.",
    heat: "Heat map of {0}", entry: "entry {0}: {1}",
  },
  es: {
    language: "Idioma",
    fit: "Ajustar", in: "Acercar", out: "Alejar",
    search: "Buscar", found: "{0} de {1}", nothing: "sin resultados",
    step: "Paso", of_steps: "{0} de {1}",
    play_back: "Reproducir hacia atrás", play: "Reproducir hacia delante", pause: "Pausa",
    previous: "Una operación atrás", next: "Una operación adelante",
    backward: "Retropropagación", fold: "Plegar paso", unfold: "Desplegar paso",
    fold_all: "Plegar todo", unfold_all: "Desplegar todo",
    open: "Desplegar puerta", close: "Plegar puerta",
    graph: "Grafo de {0}. Las flechas van de nodo en nodo, Intro despliega una puerta, F pliega un paso.",
    details: "Detalles",
    pick: "Elija un nodo con un clic o con las flechas del teclado.",
    layer: "capa", point: "operación", operation: "operación", state: "estado", input: "entrada",
    join: "líneas unidas", parameter: "parámetro", ellipsis: "omitido",
    at_step: "paso {0}", outside: "fuera de los pasos", shape: "forma {0}",
    value: "Valor", gradient: "Gradiente ∂L/∂valor", formula: "Fórmula",
    derivative: "Derivada local", adjoint: "Lo que vuelve a los operandos",
    by_sympy: "derivada con SymPy", by_rule: "la regla del propio motor, aplicada a nombres",
    no_notation: "No tiene fórmula: mueve o suma entradas.",
    no_derivative: "No hay aquí fórmula de su derivada; lo que dicen los jueces de su regla está más abajo.",
    at_entry: "Números en la entrada {0}", no_numbers: "Demasiadas entradas para poner números.",
    judges: "Jueces", passed: "correcto", failed: "FALLO",
    proof: "demostración", exact: "exacto", numeric: "numérico",
    entries: "{0} entradas", error: "error relativo {0}",
    judged_as: "{0} por sí sola, con formas propias:",
    not_judged: "No juzgado aquí: ejecute minigrad verify.",
    no_samples: "No juzgado: no trae muestras con las que juzgarlo.",
    whole: "{0} en conjunto:", whole_not_judged: "{0} en conjunto no se ha juzgado aquí: ejecute minigrad verify.",
    inside: "Operaciones que contiene", parameters: "Parámetros", operands: "Operandos", constant_number: "el número {0}",
    no_backward: "Aún no hay backward(): no hay gradiente.",
    not_kept: "No se ha conservado: backward() conserva los gradientes de las hojas y de lo que llamó a retain_grad().",
    constant: "Una constante: no se pide su gradiente.",
    no_value: "El valor no se ha conservado.",
    no_node: "Se dibuja donde varias capas leen los mismos valores; no es una operación.",
    min: "mínimo", mean: "media", max: "máximo", nonfinite: "no finitos",
    empty: "sin entradas", no_entries: "sin números",
    loss: "Los gradientes son los de {0}.",
    step_label: "Paso {0}", folded: "plegado", now: "Ahora: {0}", end: "Fin.",
    heat: "Mapa de calor de {0}", entry: "entrada {0}: {1}",
    "the mean of the squares of the output": "la media de los cuadrados de la salida",
    "the mean of the squares of the output at the last step":
      "la media de los cuadrados de la salida en el último paso",
    "what backward() was run on": "aquello sobre lo que se ejecutó backward()",
    "the output": "la salida",
  },
};

export const LANGUAGES = { en: "English", es: "Español" };

/** The language that the reader's browser asks for, if the page speaks it. */
export function preferred() {
  return navigator.language?.startsWith("es") ? "es" : "en";
}

/** A sentence; what the page has no words for (a loss of one's own, say) stays as it is. */
export function say(language, key, ...parts) {
  const sentence = WORDS[language][key] ?? WORDS.en[key] ?? key;
  return sentence.replace(/\{(\d)\}/g, (_, place) => String(parts[place]));
}
