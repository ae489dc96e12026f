"""What a backward pass returned, by the inputs that it claims gradients of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minigrad.verify.pair import Leaf, MisfitError, leaves_of
from minigrad.verify.sources import returned_names


def assigned(
    raw: Any, arguments: Sequence[Any], names: Sequence[str], leaves: Mapping[str, Leaf],
    backward: Any = None,
) -> dict[str, Any]:  # fmt: skip
    """What backward returned, by the leaves of forward's arguments.

    Raises:
        MisfitError: it does not fit them; the message lists both.
    """
    if isinstance(raw, Mapping):
        return _by_key(raw, arguments, names, leaves)
    gradients = list(raw) if isinstance(raw, tuple | list) else [raw]
    floats = [k for k, a in enumerate(arguments) if _has_floats(a)]
    if len(gradients) == len(arguments):
        places = list(range(len(arguments)))
    elif len(gradients) == len(floats):
        places = floats
    elif len(arguments) == 1 and isinstance(arguments[0], list | tuple):
        gradients, places = [gradients], [0]
    else:
        by_name = returned_names(backward)
        places = [_place_of(n, names) for n in by_name]  # type: ignore[misc]
        if len(places) != len(gradients) or None in places:
            if len(gradients) < len(floats) and len(gradients) < len(arguments):
                places = floats[: len(gradients)]
            else:
                raise MisfitError(
                    f"backward returns {len(gradients)} gradients, expected {len(arguments)}: one "
                    f"for each of {', '.join(names)} (None where there is none)"
                )
    found: dict[str, Any] = {}
    for k, g in zip(places, gradients, strict=True):
        found |= _inside(g, arguments[k], (k,), leaves)
    return found


def _has_floats(argument: Any) -> bool:
    return any(leaf.value.dtype.kind == "f" and not leaf.scalar
               for leaf in leaves_of(argument, "", ()))  # fmt: skip


def _inside(
    g: Any, argument: Any, path: tuple[Any, ...], leaves: Mapping[str, Leaf]
) -> dict[str, Any]:
    """The gradient of one argument, by its leaves."""
    own = {leaf.path: name for name, leaf in leaves.items() if leaf.path[: len(path)] == path}
    if path in own:
        return {own[path]: g}
    if g is None:
        return dict.fromkeys(own.values())
    found: dict[str, Any] = {}
    if isinstance(argument, Mapping) and isinstance(g, Mapping):
        for key, part in argument.items():
            match = next((form for form in forms(str(key)) if form in g), None)
            if key in g or match is not None:
                value = g[key] if key in g else g[match]
                found |= _inside(value, part, (*path, key), leaves)
        if not found and own:
            raise MisfitError(
                f"backward returns a dict with {', '.join(map(str, g))}, expected the keys "
                f"{', '.join(map(str, argument))}, or these with a d in front"
            )
        return found
    if isinstance(argument, list | tuple) and isinstance(g, list | tuple):
        if len(argument) != len(g):
            raise MisfitError(
                f"backward returns {len(g)} gradients for a {type(argument).__name__} of "
                f"{len(argument)}"
            )
        for k, (part, value) in enumerate(zip(argument, g, strict=True)):
            found |= _inside(value, part, (*path, k), leaves)
        return found
    if own:
        raise MisfitError(
            f"backward returns {type(g).__name__} for an argument that is a "
            f"{type(argument).__name__} of {', '.join(own.values())}"
        )
    return {}


def _by_key(
    raw: Mapping[Any, Any], arguments: Sequence[Any], names: Sequence[str],
    leaves: Mapping[str, Leaf],
) -> dict[str, Any]:  # fmt: skip
    """Gradients in a dict, by names: of arguments, or of what is in a dict among them."""
    found: dict[str, Any] = {}
    left = dict(raw)
    for k, name in enumerate(names):
        key = next((form for form in forms(name) if form in left), None)
        if key is not None:
            found |= _inside(left.pop(key), arguments[k], (k,), leaves)
    for leaf_name, leaf in leaves.items():
        if leaf_name in found or len(leaf.path) < 2:
            continue
        key = next((form for form in forms(str(leaf.path[-1])) if form in left), None)
        if key is not None:
            found[leaf_name] = left.pop(key)
    if not found:
        raise MisfitError(
            f"backward returns a dict with {', '.join(map(str, raw))}; the inputs are "
            f"{', '.join(leaves)}: name each gradient for its input, as in d{names[0]}"
        )
    return found


def forms(name: str) -> list[str]:
    """Names that a gradient by ``name`` has in a dict."""
    forms = [f"d{name}", name, f"d_{name}", f"{name}_grad", f"grad_{name}", f"g{name}"]
    forms += [f"d{name}t", f"d{name}_t"]
    base = name.removesuffix("t").removesuffix("_")
    if base and base != name:
        forms += [f"d{base}", base]
    short = name.removesuffix("_prev").removesuffix("0").removesuffix("_init")
    if short and short != name:
        forms += [f"d{short}_prev", f"d{short}0", f"d{short}"]
    return forms


def _place_of(name: str, names: Sequence[str]) -> int | None:
    return next((k for k, n in enumerate(names) if name in forms(n)), None)
