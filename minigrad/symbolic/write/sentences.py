"""Every heading and reason of a derivation, in English and Spanish, in one table.

Between backticks stand formulas, in Unicode; between braces what is filled in.
"""

from __future__ import annotations

import string
from typing import Any, Literal, get_args

import sympy

from minigrad.symbolic.formula import Given
from minigrad.symbolic.write.printing import text

Language = Literal["en", "es"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
"""The languages that a derivation can be written in.

Example:
    >>> from minigrad.symbolic import LANGUAGES
    >>> LANGUAGES
    ('en', 'es')
"""

Prose = tuple[str | sympy.Expr | Given, ...]

SENTENCES: dict[str, tuple[str, str]] = {
    # Titles
    "gradients": ("The gradients of {of}", "Los gradientes de {of}"),
    "gradient_by": ("The gradient of {of} with respect to {wrt}",
                    "El gradiente de {of} respecto de {wrt}"),
    "derivative_of": ("The derivative of {of}", "La derivada de {of}"),
    "forward": ("Forward pass", "Propagación hacia adelante"),
    "local": ("Local derivatives", "Derivadas locales"),
    "backward_in_time": ("Backpropagation through time", "Retropropagación a través del tiempo"),
    "backward": ("Backward pass", "Retropropagación"),
    "parameters": ("Parameters", "Parámetros"),
    "initial": ("Initial states", "Estados iniciales"),
    "memory": ("What carries the gradient", "Qué transporta el gradiente"),
    "losing": ("Where the gradient is lost", "Dónde se pierde el gradiente"),
    "softmax_row": ("Softmax of one row", "Softmax de una fila"),
    "derivative": ("Derivative", "Derivada"),
    "adjoint": ("Adjoint", "Adjunto"),
    "by_equations": ("; by {numbers}", "; por {numbers}"),
    # What each section says first
    "forward_says": (
        "One step of the cell, as its own code computes it. All quantities are columns; ∘ is the "
        "elementwise product, `[·, ·]` stacks columns, and σ, tanh and fractions act elementwise.",
        "Un paso de la celda, tal como lo calcula su propio código. Todas las cantidades son "
        "columnas; ∘ es el producto elemento a elemento, `[·, ·]` apila columnas, y σ, tanh y las "
        "fracciones actúan elemento a elemento.",
    ),
    "units_say": (
        " `mean(·)` is the mean over the `H` units, and `1ᵀ(·)` is the sum over them.",
        " `mean(·)` es la media de las `H` unidades, y `1ᵀ(·)` es su suma.",
    ),
    "columns_of_say": (
        " `A[:, i:j]` are the columns of `A` from `i` up to, but not including, `j`, from 0 on.",
        " `A[:, i:j]` son las columnas de `A` desde `i` hasta `j`, sin incluirla, desde 0.",
    ),
    "entries_say": (
        " `v[i:j]` are the entries of `v` from `i` up to, but not including, `j`, counted from 0.",
        " `v[i:j]` son los elementos de `v` desde `i` hasta `j`, sin incluirlo, contados desde 0.",
    ),
    "stopped_says": (
        " `sg(v)` is `v` as a constant: no gradient flows back through it.",
        " `sg(v)` es `v` como constante: el gradiente no vuelve a través de ella.",
    ),
    "inside_says": (
        " `[a < v < b]` is 1 between `a` and `b`, ½ at these two, and 0 beyond.",
        " `[a < v < b]` es 1 entre `a` y `b`, ½ en ambos extremos y 0 fuera.",
    ),
    "constants_say": (
        " The cell holds constant vectors, which are not learned: {names}.",
        " La celda contiene vectores constantes, que no se aprenden: {names}.",
    ),
    "local_says": (
        "Each equation is differentiated with respect to each quantity in it, with the others "
        "held fixed. These derivatives hold elementwise.",
        "Se deriva cada ecuación respecto de cada cantidad que contiene, con las demás fijas. "
        "Estas derivadas valen elemento a elemento.",
    ),
    "backward_says": (
        "Let `L` be the total loss over all steps, and write `δv` for `∂L/∂v`. A quantity's "
        "gradient is the sum over all paths through which it affects `L`. Each path contributes "
        "the gradient of the quantity at its next stop times the local derivative; an affine map "
        "contributes the transpose of its weight. {direct} is what the loss of this step sends "
        "directly to its state. The recursion runs from `t = T` down to `t = 1`; at `t = T` every "
        "term from `t + 1` is 0.",
        "Sea `L` la pérdida total de todos los pasos, y escribamos `δv` en lugar de `∂L/∂v`. El "
        "gradiente de una cantidad es la suma de todos los caminos por los que influye en `L`. "
        "Cada camino aporta el gradiente de la cantidad siguiente multiplicado por la derivada "
        "local; una aplicación afín aporta la traspuesta de su peso. {direct} es lo que la "
        "pérdida de este paso envía directamente a su estado. La recursión va de `t = T` a "
        "`t = 1`; en `t = T` todos los términos de `t + 1` son 0.",
    ),
    "columns_say": (
        " {weight} denotes the columns of {whole} that multiply {operand}.",
        " {weight} son las columnas de {whole} que multiplican a {operand}.",
    ),
    "parameters_say": (
        "All steps share the parameters, so the contributions of the steps add up. The gradient "
        "of a weight sums the outer products of the gradient that arrives and the weight's input.",
        "Todos los pasos comparten los parámetros, así que las contribuciones de los pasos se "
        "suman. El gradiente de un peso suma los productos exteriores del gradiente que llega y "
        "de la entrada del peso.",
    ),
    "initial_say": (
        "The states before the first step receive what the recursion gives at `t = 0`; they have "
        "no loss of their own.",
        "Los estados anteriores al primer paso reciben lo que da la recursión en `t = 0`; no "
        "tienen pérdida propia.",
    ),
    "memory_says": (
        "The Jacobian of one step, with the other states held fixed, shows what happens to a "
        "gradient on its way from step `t` to `t − 1`; over many steps such factors are "
        "multiplied. A path without a weight matrix is just a factor for each unit. A path "
        "through a weight matrix also multiplies by that matrix and by the slope of an "
        "activation.",
        "El jacobiano de un paso, con los demás estados fijos, muestra qué le ocurre a un "
        "gradiente en su camino del paso `t` al `t − 1`; a lo largo de muchos pasos esos factores "
        "se multiplican. Un camino sin matriz de pesos es solo un factor para cada unidad. Un "
        "camino que pasa por una matriz de pesos multiplica además por esa matriz y por la "
        "pendiente de una función de activación.",
    ),
    "losing_says": (
        "A function that saturates passes on only its slope. Where the magnitude of its argument "
        "is large, the slope is close to 0, and the gradient that comes back through it is lost.",
        "Una función que se satura solo deja pasar su pendiente. Donde su argumento es grande en "
        "valor absoluto, la pendiente es casi 0, y se pierde el gradiente que vuelve a través de "
        "ella.",
    ),
    # Parts that quantities play
    "forget": ("forget gate", "puerta de olvido"),
    "input": ("input gate", "puerta de entrada"),
    "output": ("output gate", "puerta de salida"),
    "candidate": ("candidate memory", "memoria candidata"),
    "cell": ("cell state", "estado de la celda"),
    "hidden": ("hidden state", "estado oculto"),
    "update": ("update gate", "puerta de actualización"),
    "reset": ("reset gate", "puerta de reinicio"),
    "candidate_state": ("candidate state", "estado candidato"),
    "forget_factor": ("forget gate (forget factor)", "puerta de olvido (factor de olvido)"),
    "ignore_factor": ("learn gate (ignore factor)", "puerta de aprendizaje (factor de descarte)"),
    "learn": ("learn gate (new information)", "puerta de aprendizaje (información nueva)"),
    "remember": ("remember gate (long-term memory)", "puerta de recuerdo (memoria a largo plazo)"),
    "use": ("use gate (short-term memory)", "puerta de uso (memoria a corto plazo)"),
    "use_factor": ("use gate (what to show)", "puerta de uso (qué mostrar)"),
    "gate": ("gate {name}", "puerta {name}"),
    "state": ("state {name}", "estado {name}"),
    # What an equation of the forward pass is
    "affine_map": ("{role}: affine map of its inputs",
                   "{role}: aplicación afín de sus entradas"),
    "between_0_and_1": ("{role}, between 0 and 1", "{role}, entre 0 y 1"),
    "between_1_and_1": ("{role}, between −1 and 1", "{role}, entre −1 y 1"),
    "is_role": ("{role}", "{role}"),
    "mean_over_units": ("mean over the units", "media de las unidades"),
    "sum_over_units": ("sum over the units", "suma de las unidades"),
    "handed": ("input of a gate", "entrada de una puerta"),
    "intermediate": ("intermediate value", "valor intermedio"),
    "whole_vectors": ("operation on whole vectors", "operación sobre vectores enteros"),
    # Rules of differentiation
    "rule_sigmoid": ("`σ′ = σ(1 − σ)`", "`σ′ = σ(1 − σ)`"),
    "rule_tanh": ("`tanh′ = 1 − tanh²`", "`tanh′ = 1 − tanh²`"),
    "rule_exp": ("`exp′ = exp`", "`exp′ = exp`"),
    "rule_step": ("slope 1 where the argument is positive, 0 elsewhere",
                  "pendiente 1 donde el argumento es positivo, 0 en el resto"),
    "rule_larger": ("only the argument that is chosen has an effect",
                    "solo influye el argumento elegido"),
    "rule_constant": ("a constant by itself", "una constante"),
    "rule_function": ("derivative of {name}", "derivada de {name}"),
    "rule_inner": (", then the chain rule", ", luego la regla de la cadena"),
    "rule_linear": ("sum rule", "regla de la suma"),
    "rule_product": ("product rule: the other factor remains",
                     "regla del producto: queda el otro factor"),
    "rule_quotient": ("quotient rule", "regla del cociente"),
    "rule_products": ("sum and product rule", "reglas de la suma y del producto"),
    "rule_mean": ("each unit contributes 1/H of the mean",
                  "cada unidad aporta 1/H de la media"),
    "rule_total": ("sum rule", "regla de la suma"),
    # Chain rule
    "enters_nowhere": ("{v} does not affect `L`", "{v} no influye en `L`"),
    "enters_loss": ("{v} affects `L` directly", "{v} influye en `L` directamente"),
    "enters_now": ("{v} affects `L` through {now}", "{v} influye en `L` a través de {now}"),
    "enters_later": ("{v} affects `L` only at the next step, through {later}",
                     "{v} solo influye en `L` en el paso siguiente, a través de {later}"),
    "enters_loss_now": ("{v} affects `L` directly and through {now}",
                        "{v} influye en `L` directamente y a través de {now}"),
    "enters_now_later": (
        "{v} affects `L` through {now} and, at the next step, through {later}",
        "{v} influye en `L` a través de {now} y, en el paso siguiente, a través de {later}",
    ),
    "enters_loss_later": (
        "{v} affects `L` directly and, at the next step, through {later}",
        "{v} influye en `L` directamente y, en el paso siguiente, a través de {later}",
    ),
    "enters_loss_now_later": (
        "{v} affects `L` directly, through {now} and, at the next step, through {later}",
        "{v} influye en `L` directamente, a través de {now} y, en el paso siguiente, a través de "
        "{later}",
    ),
    # Parameters
    "weight_shared": ("sum over time, because all steps share {w}",
                      "suma en el tiempo, porque todos los pasos comparten {w}"),
    "bias_shared": ("{b} is added to {a} at every step", "{b} se suma a {a} en cada paso"),
    "own_shared": ("one number per unit, shared by all steps",
                   "un número por unidad, común a todos los pasos"),
    "one_shared": ("one number for all units and steps, so summed over both",
                   "un solo número para todas las unidades y pasos, así que se suma sobre ambos"),
    "initial_why": ("the recursion at `t = 0`", "la recursión en `t = 0`"),
    # Memory
    "no_weight": ("the path with the gates held fixed: no weight matrix lies on it",
                  "el camino con las puertas fijas: no pasa por ninguna matriz de pesos"),
    "only_path": ("no path goes through a weight matrix",
                  "ningún camino pasa por una matriz de pesos"),
    "carousel": ("the constant error carousel: the gradient passes unchanged",
                 "el carrusel de error constante: el gradiente pasa sin cambios"),
    "gated": ("a factor that the cell sets itself: while it stays near 1, the gradient survives",
              "un factor que la propia celda ajusta: mientras sigue cerca de 1, el gradiente "
              "sobrevive"),
    "whole_step": ("all paths through one step", "todos los caminos de un paso"),
    "whole_direct": ("all paths through one step; the first has no weight matrix",
                     "todos los caminos de un paso; el primero no tiene matriz de pesos"),
    "many_steps": (
        "along {state} alone, only the factors of the steps in between are multiplied, and no "
        "matrix",
        "a lo largo de {state} solo se multiplican los factores de los pasos intermedios, y "
        "ninguna matriz",
    ),
    "bounded": ("spectral norm; the slope is at most {bound}",
                "norma espectral; la pendiente es como mucho {bound}"),
    "bounded_many": (
        "with a factor below 1 it vanishes exponentially; it can grow only with one above 1",
        "con un factor menor que 1 se desvanece exponencialmente; solo puede crecer con uno mayor "
        "que 1",
    ),
    "slope_at_most": ("at most {bound}, and close to 0 at both ends",
                      "como mucho {bound}, y casi 0 en ambos extremos"),
    "slope_fades": ("close to 0 where {argument} is large: this path into {after} closes, but the "
                    "path along {before} does not go through it",
                    "casi 0 donde {argument} es grande: este camino hacia {after} se cierra, pero "
                    "el que sigue por {before} no pasa por aquí"),
    "slope_closes": ("close to 0 where {argument} is large: this path into {after} closes",
                     "casi 0 donde {argument} es grande: este camino hacia {after} se cierra"),
    # Layers in matrices
    "layer_forward_says": (
        "Each row is one sample, such as a step or a word. ∘ is the elementwise product, and "
        "functions act elementwise.",
        "Cada fila es un ejemplo, como un paso o una palabra. ∘ es el producto elemento a "
        "elemento, y las funciones actúan elemento a elemento.",
    ),
    "single_says": (" {name} has a single row.", " {name} tiene una sola fila."),
    "rows_say": (" {size} is the number of rows.", " {size} es el número de filas."),
    "size_says": (" {size} is the layer's argument {meaning}.",
                  " {size} es el argumento {meaning} de la capa."),
    "shapes_say": (" Shapes: {shapes}.", " Dimensiones: {shapes}."),
    "repeated_say": (
        " A right side that is a number, a row or a column fills the shape of the left.",
        " Un lado derecho que es un número, una fila o una columna llena la forma del izquierdo.",
    ),
    "constant_matrices_say": (" Arrays that enter as constants: {names}.",
                              " Matrices que entran como constantes: {names}."),
    "layer_backward_says": (
        "Write `δV` for `∂L/∂V`. Each line is the engine's own rule, run on names instead of "
        "numbers: `C = A B` gives `δA = δC Bᵀ` and `δB = Aᵀ δC`. What was broadcast in the "
        "forward pass is summed, for example by `1ᵀ` over the rows.",
        "Escribamos `δV` en lugar de `∂L/∂V`. Cada línea es la propia regla del motor, ejecutada "
        "con nombres en vez de números: `C = A B` da `δA = δC Bᵀ` y `δB = Aᵀ δC`. Lo que se "
        "repitió hacia adelante se suma, por ejemplo con `1ᵀ` sobre las filas.",
    ),
    "softmax_says": (
        "Let `p` be one row of weights, `p_i = exp(s_i) / Σ_k exp(s_k)`. SymPy differentiates "
        "this, and the result is written in terms of `p` itself. A gradient `δp` that arrives "
        "becomes `δs = (diag(p) − p pᵀ) δp`; for all rows at once this is the formula with "
        "`rowsum` below.",
        "Sea `p` una fila de pesos, `p_i = exp(s_i) / Σ_k exp(s_k)`. SymPy la deriva, y el "
        "resultado se escribe en función de la propia `p`. Un gradiente `δp` que llega se "
        "convierte en `δs = (diag(p) − p pᵀ) δp`; para todas las filas a la vez es la fórmula con "
        "`rowsum` de más abajo.",
    ),
    "same_entry": ("the same entry", "el mismo elemento"),
    "other_entry": ("another entry, `i ≠ j`", "otro elemento, `i ≠ j`"),
    "both_entries": ("both cases in one matrix", "ambos casos en una matriz"),
    "weights_rows": ("each row becomes weights that sum to 1",
                     "cada fila pasa a ser pesos que suman 1"),
    "mean_of_values": ("each row is a weighted mean of the values",
                       "cada fila es una media ponderada de los valores"),
    "fits": ("how well each query matches each key", "cuánto encaja cada consulta con cada clave"),
    "an_affine_map": ("affine map", "aplicación afín"),
    "a_product": ("matrix product", "producto de matrices"),
    "a_function": ("elementwise function", "función elemento a elemento"),
    "whole_matrices": ("operation on whole matrices", "operación sobre matrices enteras"),
    "all_entries": ("over all entries", "sobre todos los elementos"),
    "row_operation": ("over each row", "sobre cada fila"),
    "from_loss": ("what the loss sends", "lo que envía la pérdida"),
    "enters_through": ("{v} affects `L` through {now}", "{v} influye en `L` a través de {now}"),
    # Primitives
    "entry_forward_says": ("An elementwise operation.{kink}",
                           "Una operación elemento a elemento.{kink}"),
    "kink": (" Not smooth: {where}.", " No es suave: {where}."),
    "derivative_says": ("In terms of the output y where that is shorter.",
                        "En función de la salida y donde resulta más corto."),
    "entry_backward_says": ("`δx` is `∂L/∂x`.", "`δx` es `∂L/∂x`."),
    "adjoint_says": ("`δA` is `∂L/∂A`. Each line is the engine's own rule, run on names.",
                     "`δA` es `∂L/∂A`. Cada línea es la propia regla del motor, ejecutada con "
                     "nombres."),
    "each_entry": ("elementwise", "elemento a elemento"),
    "sympys": ("SymPy", "SymPy"),
    "engines_same": ("the engine's rule: the same", "la regla del motor: la misma"),
    "engines_other": ("the engine's rule: NOT THE SAME", "la regla del motor: NO ES LA MISMA"),
    "chain_rule": ("chain rule", "regla de la cadena"),
    "engines_adjoint": ("the engine's adjoint", "el adjunto del motor"),
    "computes": ("forward", "hacia adelante"),
}  # fmt: skip

KINKS: dict[str, str] = {
    "at 0 the derivative is 0, that of the left side":
        "en 0 la derivada es 0, la del lado izquierdo",
    "it jumps at 0; the derivative is 0 there as elsewhere":
        "salta en 0; allí la derivada es 0, como en todas partes",
    "at 0 the derivative is 0, between −1 and 1": "en 0 la derivada es 0, entre −1 y 1",
    "where both are equal, each has the derivative ½":
        "donde ambos son iguales, cada uno tiene la derivada ½",
}  # fmt: skip
"""What elementwise primitives say of their kinks, in Spanish."""


class Words:
    """The sentences of one language.

    Args:
        language: ``"en"`` or ``"es"``.

    Raises:
        ValueError: there is no such language.
    """

    def __init__(self, language: str = "en") -> None:
        if language not in LANGUAGES:
            raise ValueError(f"derive: got language {language!r}, expected {', '.join(LANGUAGES)}")
        self.language = language
        self._column = LANGUAGES.index(language)

    def __call__(self, key: str, **fields: Any) -> Prose:
        """A sentence, its fields filled in: text and formulas in turn."""
        parts: list[str | sympy.Expr | Given] = []
        for literal, field, _, _ in string.Formatter().parse(SENTENCES[key][self._column]):
            for k, piece in enumerate(literal.split("`")):
                if piece:
                    parts.append(Given(piece) if k % 2 else piece)
            if field is not None:
                value = fields[field]
                if isinstance(value, str):
                    parts.append(value)
                elif isinstance(value, tuple | list):
                    prose = any(isinstance(part, str) for part in value)
                    for k, part in enumerate(value):
                        parts += [part] if prose or k == 0 else [", ", part]
                else:
                    parts.append(value)
        return tuple(parts)

    def kink(self, where: str) -> str:
        """What a primitive says of its kink, which is in English there."""
        return KINKS.get(where, where) if self.language == "es" else where

    def plain(self, key: str, **fields: str) -> str:
        """A sentence as plain text, for headings."""
        return plain(self(key, **fields))


def plain(prose: Prose) -> str:
    """Prose as Unicode."""
    return "".join(part if isinstance(part, str) else text(part) for part in prose)
