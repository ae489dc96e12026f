"""Every heading and reason of a derivation, in English and Spanish, in one table.

Between backticks stand formulas, in Unicode; between braces what is filled in.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Literal, get_args

from minigrad.symbolic.formula import Formula, Given, text

Language = Literal["en", "es"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
"""The languages that a derivation can be written in.

Example:
    >>> from minigrad.symbolic import LANGUAGES
    >>> LANGUAGES
    ('en', 'es')
"""
Prose = tuple[str | Formula, ...]
Field = str | Formula | Sequence[Formula]

SENTENCES: dict[str, tuple[str, str]] = {
    # Titles
    "gradients": ("The gradients of {of}", "Los gradientes de {of}"),
    "gradient_by": ("The gradient of {of} by {wrt}", "El gradiente de {of} respecto de {wrt}"),
    "derivative_of": ("The derivative of {of}", "La derivada de {of}"),
    "forward": ("Forward", "Hacia delante"),
    "local": ("Local derivatives", "Derivadas locales"),
    "backward_in_time": ("Backward through time", "Hacia atrás en el tiempo"),
    "backward": ("Backward", "Hacia atrás"),
    "parameters": ("Parameters", "Parámetros"),
    "initial": ("Initial states", "Estados iniciales"),
    "memory": ("What carries the gradient", "Qué transporta el gradiente"),
    "losing": ("Where it is lost", "Dónde se pierde"),
    "softmax_row": ("Softmax, one row", "Softmax, una fila"),
    "derivative": ("Derivative", "Derivada"),
    "adjoint": ("Adjoint", "Adjunto"),
    "by_equations": ("; by {numbers}", "; por {numbers}"),
    # What each section says first
    "forward_says": (
        "One step of the cell, as its own code computes it. All quantities are columns; ∘ is the "
        "product entry by entry, `[·, ·]` puts columns on top of one another, and σ, tanh and "
        "fractions act on each entry.",
        "Un paso de la celda, tal como lo calcula su propio código. Todas las cantidades son "
        "columnas; ∘ es el producto elemento a elemento, `[·, ·]` apila columnas una sobre otra, "
        "y σ, tanh y las fracciones actúan sobre cada elemento.",
    ),
    "units_say": (
        " `mean(·)` is the mean over the `H` units, and `1ᵀ(·)` the sum over them.",
        " `mean(·)` es la media sobre las `H` unidades, y `1ᵀ(·)` su suma.",
    ),
    "local_says": (
        "Each equation is differentiated by each quantity in it, the others held fixed. These "
        "derivatives hold entry by entry.",
        "Se deriva cada ecuación respecto de cada cantidad que contiene, con las demás fijas. "
        "Estas derivadas valen elemento a elemento.",
    ),
    "backward_says": (
        "Let `L` be the loss over all steps and write `δv` for `∂L/∂v`. A quantity's gradient is "
        "the sum over all the ways by which it enters `L`: along each way, the gradient of what "
        "uses it times the local derivative; through an affine map, the transposed weight. "
        "{direct} is what the loss sends to the state of this very step. The recursion runs from "
        "`t = T` down to `t = 1`, and at `t = T` everything that comes from `t + 1` is 0.",
        "Sea `L` la pérdida sobre todos los pasos y escribamos `δv` por `∂L/∂v`. El gradiente de "
        "una cantidad es la suma sobre todos los caminos por los que entra en `L`: en cada "
        "camino, el gradiente de quien la usa por la derivada local; a través de una aplicación "
        "afín, la traspuesta del peso. {direct} es lo que la pérdida envía al estado de este "
        "mismo paso. La recursión va de `t = T` hasta `t = 1`, y en `t = T` todo lo que viene de "
        "`t + 1` es 0.",
    ),
    "columns_say": (
        " {weight} stands for those columns of {whole} that meet {operand}.",
        " {weight} son las columnas de {whole} que se encuentran con {operand}.",
    ),
    "parameters_say": (
        "The same parameters act at every step, so the contributions of all steps add up: a "
        "weight collects the outer product of the gradient that arrives and of what it was "
        "applied to.",
        "Los mismos parámetros actúan en cada paso, así que se suman las aportaciones de todos: "
        "un peso recoge el producto exterior del gradiente que le llega y de aquello a lo que se "
        "aplicó.",
    ),
    "initial_say": (
        "The states before the first step get what the recursion gives at `t = 0`, without a "
        "loss of their own.",
        "Los estados anteriores al primer paso reciben lo que da la recursión en `t = 0`, sin "
        "una pérdida propia.",
    ),
    "memory_says": (
        "The Jacobian of one step, the other states held, says what happens to a gradient on its "
        "way from step `t` to `t − 1`; over many steps such factors are multiplied. A path "
        "without a weight matrix is a plain factor for each unit; every path through a weight "
        "multiplies by a matrix and by the slope of a saturating function.",
        "El jacobiano de un paso, con los demás estados fijos, dice qué le ocurre a un gradiente "
        "en su camino del paso `t` al `t − 1`; a lo largo de muchos pasos esos factores se "
        "multiplican. Un camino sin matriz de pesos es un simple factor para cada unidad; todo "
        "camino que pasa por un peso multiplica por una matriz y por la pendiente de una función "
        "que se satura.",
    ),
    "losing_says": (
        "A function that saturates passes on only its slope. Where its argument is large in "
        "either direction, the slope is nearly 0, and what comes back through it is lost.",
        "Una función que se satura solo deja pasar su pendiente. Donde su argumento es grande en "
        "cualquiera de los dos sentidos, la pendiente es casi 0, y se pierde lo que vuelve a "
        "través de ella.",
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
    "forget_factor": ("forget gate: forget factor", "puerta de olvido: factor de olvido"),
    "ignore_factor": ("learn gate: ignore factor", "puerta de aprendizaje: factor de descarte"),
    "learn": ("learn gate: new information", "puerta de aprendizaje: información nueva"),
    "remember": ("remember gate: long-term memory", "puerta de recuerdo: memoria a largo plazo"),
    "use": ("use gate: short-term memory", "puerta de uso: memoria a corto plazo"),
    "use_factor": ("use gate: what to show", "puerta de uso: qué mostrar"),
    "gate": ("gate {name}", "puerta {name}"),
    "state": ("state {name}", "estado {name}"),
    # Why an equation of the forward pass stands there
    "affine_map": ("{role}: an affine map of what it sees",
                   "{role}: una aplicación afín de lo que ve"),
    "between_0_and_1": ("{role}, between 0 and 1", "{role}, entre 0 y 1"),
    "between_1_and_1": ("{role}, between −1 and 1", "{role}, entre −1 y 1"),
    "is_role": ("{role}", "{role}"),
    "mean_over_units": ("the mean over the units", "la media sobre las unidades"),
    "sum_over_units": ("the sum over the units", "la suma sobre las unidades"),
    "handed": ("handed to a gate", "lo que recibe una puerta"),
    # Rules of differentiation
    "rule_sigmoid": ("`σ′ = σ(1 − σ)`", "`σ′ = σ(1 − σ)`"),
    "rule_tanh": ("`tanh′ = 1 − tanh²`", "`tanh′ = 1 − tanh²`"),
    "rule_exp": ("`exp′ = exp`", "`exp′ = exp`"),
    "rule_step": ("slope 1 where the argument is positive, else 0",
                  "pendiente 1 donde el argumento es positivo, si no 0"),
    "rule_larger": ("only the one that is chosen counts", "solo cuenta el que se elige"),
    "rule_function": ("derivative of {name}", "derivada de {name}"),
    "rule_inner": (", and the chain rule inside", ", y la regla de la cadena por dentro"),
    "rule_linear": ("a summand by itself", "un sumando por sí solo"),
    "rule_product": ("product rule: the other factor remains",
                     "regla del producto: queda el otro factor"),
    "rule_quotient": ("quotient rule", "regla del cociente"),
    "rule_products": ("sum and product rule", "regla de la suma y del producto"),
    "rule_mean": ("each unit has a share of 1/H in the mean",
                  "cada unidad aporta 1/H de la media"),
    "rule_total": ("sum rule", "regla de la suma"),
    # Chain rule
    "enters_nowhere": ("{v} does not enter `L`", "{v} no entra en `L`"),
    "enters_loss": ("{v} enters `L` directly", "{v} entra en `L` directamente"),
    "enters_now": ("{v} enters `L` through {now}", "{v} entra en `L` a través de {now}"),
    "enters_later": ("{v} enters `L` only at the next step, through {later}",
                     "{v} entra en `L` solo en el paso siguiente, a través de {later}"),
    "enters_loss_now": ("{v} enters `L` directly and through {now}",
                        "{v} entra en `L` directamente y a través de {now}"),
    "enters_now_later": ("{v} enters `L` through {now} and, one step later, {later}",
                         "{v} entra en `L` a través de {now} y, un paso después, de {later}"),
    "enters_loss_later": ("{v} enters `L` directly and, one step later, through {later}",
                          "{v} entra en `L` directamente y, un paso después, a través de {later}"),
    "enters_loss_now_later": (
        "{v} enters `L` directly, through {now} and, one step later, through {later}",
        "{v} entra en `L` directamente, a través de {now} y, un paso después, de {later}",
    ),
    # Parameters
    "weight_shared": ("sum over time, because {w} is shared by all steps",
                      "suma en el tiempo, porque todos los pasos comparten {w}"),
    "bias_shared": ("{b} enters {a} with the factor 1, at every step",
                    "{b} entra en {a} con el factor 1, en cada paso"),
    "own_shared": ("one number for each unit, shared by all steps",
                   "un número para cada unidad, común a todos los pasos"),
    "one_shared": ("one number for all units and steps: summed over both",
                   "un solo número para todas las unidades y pasos: se suma sobre ambos"),
    "initial_why": ("the recursion at `t = 0`", "la recursión en `t = 0`"),
    # Memory
    "no_weight": ("the gates held, no weight lies on the way",
                  "con las puertas fijas, ningún peso en el camino"),
    "carousel": ("the constant error carousel: what arrives is passed on unchanged",
                 "el carrusel de error constante: lo que llega pasa sin cambios"),
    "gated": ("a factor that the cell sets itself: while it stays near 1, the gradient lives",
              "un factor que la propia celda ajusta: mientras sigue cerca de 1, el gradiente vive"),
    "whole_step": ("all paths of one step", "todos los caminos de un paso"),
    "whole_direct": ("all paths of one step; the first one without a weight",
                     "todos los caminos de un paso; el primero, sin pesos"),
    "many_steps": (
        "along {state} alone: no matrix is multiplied, only the factors of the steps between",
        "solo a lo largo de {state}: no se multiplica ninguna matriz, sino los factores de los "
        "pasos intermedios",
    ),
    "bounded": ("spectral norm: {bound} bounds the slope",
                "norma espectral: {bound} acota la pendiente"),
    "bounded_many": (
        "with a factor below 1 it vanishes exponentially; only one above 1 lets it grow",
        "con un factor menor que 1 se desvanece exponencialmente; solo uno mayor que 1 lo deja "
        "crecer",
    ),
    "slope_at_most": ("never more than {bound}, and near 0 at both ends",
                      "nunca más de {bound}, y casi 0 en ambos extremos"),
    "slope_fades": ("near 0 where {argument} is large: this way into {after} closes, the way "
                    "along {before} does not pass here",
                    "casi 0 donde {argument} es grande: este camino hacia {after} se cierra; el "
                    "que sigue por {before} no pasa por aquí"),
    # Layers in matrices
    "layer_forward_says": (
        "Rows are steps, or words{width}. Products with ∘ and functions act entry by entry.",
        "Las filas son pasos, o palabras{width}. Los productos con ∘ y las funciones actúan "
        "elemento a elemento.",
    ),
    "layer_width": ("; `d` is the width of a row after the layer's maps",
                    "; `d` es la anchura de una fila tras las aplicaciones de la capa"),
    "layer_backward_says": (
        "Write `δV` for `∂L/∂V`. Each line is the engine's own rule, run on names instead of "
        "numbers: `C = A B` gives `δA = δC Bᵀ` and `δB = Aᵀ δC`, and what was broadcast is "
        "summed, as by `1ᵀ` over the rows.",
        "Escribamos `δV` por `∂L/∂V`. Cada línea es la propia regla del motor, ejecutada sobre "
        "nombres en vez de números: `C = A B` da `δA = δC Bᵀ` y `δB = Aᵀ δC`, y lo que se "
        "repitió se suma, como con `1ᵀ` sobre las filas.",
    ),
    "softmax_says": (
        "Let `p` be one row of weights, `p_i = exp(s_i) / Σ_k exp(s_k)`. SymPy differentiates "
        "this, and the result is written in terms of `p` itself. A gradient `δp` that arrives "
        "becomes `δs = (diag(p) − p pᵀ) δp`, which for all rows at once is the formula with "
        "`rowsum` below.",
        "Sea `p` una fila de pesos, `p_i = exp(s_i) / Σ_k exp(s_k)`. SymPy la deriva, y el "
        "resultado se escribe en función de la propia `p`. Un gradiente `δp` que llega se "
        "convierte en `δs = (diag(p) − p pᵀ) δp`, que para todas las filas a la vez es la "
        "fórmula con `rowsum` de más abajo.",
    ),
    "same_entry": ("the same entry", "el mismo elemento"),
    "other_entry": ("another entry, `i ≠ j`", "otro elemento, `i ≠ j`"),
    "both_entries": ("both cases in one matrix", "ambos casos en una matriz"),
    "weights_rows": ("each row becomes weights that sum to 1",
                     "cada fila pasa a ser pesos que suman 1"),
    "mean_of_values": ("each row is a mean of the values, by its weights",
                       "cada fila es una media de los valores, según sus pesos"),
    "fits": ("how well each query fits each key", "cuánto encaja cada consulta con cada clave"),
    "an_affine_map": ("an affine map", "una aplicación afín"),
    "a_product": ("a product of matrices", "un producto de matrices"),
    "a_function": ("a function of each entry", "una función de cada elemento"),
    "an_operation": ("{name}", "{name}"),
    "row_operation": ("over each row", "sobre cada fila"),
    "from_loss": ("what the loss sends", "lo que envía la pérdida"),
    "enters_through": ("{v} enters `L` through {now}", "{v} entra en `L` a través de {now}"),
    # Primitives
    "entry_forward_says": ("An operation on each entry.{kink}",
                           "Una operación sobre cada elemento.{kink}"),
    "kink": (" Not smooth: {where}.", " No es lisa: {where}."),
    "derivative_says": ("In terms of the output y where that is shorter.",
                        "En función de la salida y donde eso es más corto."),
    "entry_backward_says": ("`δx` is `∂L/∂x`.", "`δx` es `∂L/∂x`."),
    "adjoint_says": ("`δA` is `∂L/∂A`. The engine's own rule, run on names.",
                     "`δA` es `∂L/∂A`. La propia regla del motor, ejecutada sobre nombres."),
    "each_entry": ("for each entry", "para cada elemento"),
    "sympys": ("SymPy", "SymPy"),
    "engines_same": ("the engine's rule: the same", "la regla del motor: la misma"),
    "engines_other": ("the engine's rule: NOT THE SAME", "la regla del motor: NO ES LA MISMA"),
    "chain_rule": ("chain rule", "regla de la cadena"),
    "engines_adjoint": ("the engine's adjoint", "el adjunto del motor"),
    "computes": ("forward", "hacia delante"),
}  # fmt: skip


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

    def __call__(self, key: str, **fields: Field | Prose) -> Prose:
        """A sentence, its fields filled in: text and formulas in turn."""
        parts: list[str | Formula] = []
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
                    parts.append(value)  # type: ignore[arg-type]
        return tuple(parts)

    def plain(self, key: str, **fields: str) -> str:
        """A sentence as plain text, for headings."""
        return plain(self(key, **fields))


def plain(prose: Prose) -> str:
    """Prose as Unicode."""
    return "".join(part if isinstance(part, str) else text(part) for part in prose)
