"""What pictures say, in English and in Spanish."""

from __future__ import annotations

from collections.abc import Mapping

from minigrad.graph.view import Say

_PHRASES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "t": "t = {0}",
        "folded": "× {0}   t = {1} … {2}",
        "gap": "⋯ {0} steps ⋯",
        "gap of one": "⋯ 1 step ⋯",
        "parameters": "{0:,} parameters",
        "parameter": "1 parameter",
        "shared": "weights of {0}, shared",
        "masked": "masked",
        "values": "{0} values",
        "layer": "layer {0}",
        "loop": "loop {0}",
        "layer, reverse": "layer {0}, reverse",
        "layer, output": "layer {0}, output",
        "loss": "L is {0}.",
        "backward": "Arrows run backward from L; each carries the local derivative.",
        "delta": "δ is the gradient that comes in, × multiplies its entries.",
        "exactly": "0: exactly",
        "alike": "Alike in {0}.",
        "thin": "Lines under {0:g} are left out.",
        "zero": "·  masked: exactly 0",
        "query": "query", "key": "key",
        "if": "if", "then": "then", "else": "else",
        "size": "‖∂L/∂{0}ₜ‖", "size of": "‖∂L/∂{0}ₜ‖, {1}",
        "cost": "Operations of the forward pass, and bytes of what it keeps.",
        "seconds": "Seconds that each box took here, of {0} in all.",
        "gradient": "log₁₀ ‖∂L/∂·‖", "flop": "log₁₀ FLOP", "time": "log₁₀ s",
        "collapsed": "Modules of level {0} are one box each.",
        "fused": "{0} is one operation here: record it in minigrad.unfused() to see its steps.",
        "left out": "Left out to fit: {0}.",
        "small": "Its letters are {0:.1f} points high on this page: open less of it.",
        "shapes": "shapes", "formulas": "formulas",
        "the output": "the output",
        "what backward() was run on": "what backward() was run on",
        "the mean of the squares of the output": "the mean of the squares of the output",
        "the mean of the squares of the output at the last step":
            "the mean of the squares of the output at the last step",
    },
    "es": {
        "t": "t = {0}",
        "folded": "× {0}   t = {1} … {2}",
        "gap": "⋯ {0} pasos ⋯",
        "gap of one": "⋯ 1 paso ⋯",
        "parameters": "{0:,} parámetros",
        "parameter": "1 parámetro",
        "shared": "pesos de {0}, compartidos",
        "masked": "con máscara",
        "values": "{0} valores",
        "layer": "capa {0}",
        "loop": "bucle {0}",
        "layer, reverse": "capa {0}, inversa",
        "layer, output": "capa {0}, salida",
        "loss": "L es {0}.",
        "backward": "Las flechas vuelven desde L; cada una lleva la derivada local.",
        "delta": "δ es el gradiente que llega; × multiplica elemento a elemento.",
        "exactly": "0: exacto",
        "alike": "Igual en {0}.",
        "thin": "No se dibujan las líneas menores de {0:g}.",
        "zero": "·  con máscara: exactamente 0",
        "query": "consulta", "key": "clave",
        "if": "si", "then": "entonces", "else": "si no",
        "size": "‖∂L/∂{0}ₜ‖", "size of": "‖∂L/∂{0}ₜ‖, {1}",
        "cost": "Operaciones del paso hacia delante y bytes de lo que guarda.",
        "seconds": "Segundos que tardó aquí cada caja, de {0} en total.",
        "gradient": "log₁₀ ‖∂L/∂·‖", "flop": "log₁₀ FLOP", "time": "log₁₀ s",
        "collapsed": "Los módulos de nivel {0} son una caja cada uno.",
        "fused": "{0} es aquí una operación: grábela en minigrad.unfused() para ver sus pasos.",
        "left out": "Omitido para que quepa: {0}.",
        "small": "Sus letras miden {0:.1f} puntos en esta página: abra menos módulos.",
        "shapes": "formas", "formulas": "fórmulas",
        "the output": "la salida",
        "what backward() was run on": "aquello sobre lo que se llamó a backward()",
        "the mean of the squares of the output": "la media de los cuadrados de la salida",
        "the mean of the squares of the output at the last step":
            "la media de los cuadrados de la salida en el último paso",
    },
}  # fmt: skip


def said(what: Say | str, language: str) -> str:
    """A phrase in a language; a text as it is."""
    if isinstance(what, str):
        return what
    parts = (said(part, language) if isinstance(part, Say) else part for part in what.parts)
    known = _PHRASES[language]
    return known[what.phrase].format(*parts) if what.phrase in known else what.phrase
