"""How often `verify` is right about code that was changed by a machine, beside PyTorch's gradcheck.

Each case is a pair of the corpus in `tests/verify/corpus`, rewritten so that it keeps its value,
and the same with a mistake planted in its backward. ``make bench ROWS=verify CASES=2000`` takes so
many; with ``FIRST=1000`` it goes on at that one, and the rates are of all that are in
``build/verify.jsonl`` then, which holds what was said of each. Random expressions of the engine's
own vocabulary follow, with right rules and with a wrong one.
"""

from __future__ import annotations

import ast
import json
import os
import random
import re
import statistics
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.verify import Report, check_vjp, verify
from minigrad.verify.pair import MisfitError
from tests.benchmarks.measuring import Line, Target
from tests.verify.corpus import PAIRS
from tests.verify.corpus.changing import Change
from tests.verify.corpus.oracle import SAME, Oracle
from tests.verify.corpus.pair import Pair
from tests.verify.corpus.planting import planted
from tests.verify.corpus.rewriting import rewritten
from tests.verify.corpus.source import function_of, source_of
from tests.verify.expressions import expression, wrong_rule
from tests.verify.mutation import mutants

NAME = "verify"
CASES = 150  # what takes about ten minutes
_SAID = Path("build/verify.jsonl")


@dataclass
class Said:
    """What was said of one pair.

    Attributes:
        outcome: ``"right"``, ``"wrong"`` or ``"undecided"``.
        text: in words.
        seconds: of processor time that it took.
    """

    outcome: str
    text: str
    seconds: float


@dataclass
class Case:
    """One pair, right and wrong, and what was said of both.

    Attributes:
        number: of the case, from which everything random in it follows.
        pair: its name.
        rewritings: the kinds of them, in order.
        mistake: its kind.
        line: the line of the wrong backward that it is in, and that line.
        dropped: what the right line writes into, where the mistake is that it is not there.
        named: whether what was said of the wrong one names the mistake.
        said: by verifier and by whether the code was right.
        source: of forward and both backwards.
    """

    number: int
    pair: str
    rewritings: list[str]
    mistake: str
    line: tuple[int, str]
    dropped: str = ""
    named: bool = False
    said: dict[str, dict[str, Said]] = field(default_factory=dict)
    source: list[str] = field(default_factory=list)


def lines(rounds: int) -> Iterator[Line]:
    first, count = int(os.environ.get("FIRST", 0)), int(os.environ.get("CASES", CASES))
    verifiers: dict[str, Callable[[Pair], Said]] = {"minigrad": by_verify}
    notes = []
    try:
        import torch  # noqa: F401

        verifiers["PyTorch"] = by_gradcheck
    except ModuleNotFoundError as problem:
        notes.append(f"gradcheck's column is empty: {problem}")
    _SAID.parent.mkdir(parents=True, exist_ok=True)
    with _SAID.open("a" if first else "w", encoding="utf-8") as file:
        for number in counted(first, count):
            case = judged(number, verifiers)
            file.write(json.dumps(asdict(case), ensure_ascii=False) + "\n")
            file.flush()
    with _SAID.open(encoding="utf-8") as file:
        cases = [Case(**json.loads(line)) for line in file]
    for case in cases:
        case.said = {
            who: {kind: Said(**said) for kind, said in both.items()}  # type: ignore[arg-type]
            for who, both in case.said.items()
        }
    yield from summed(cases, notes)
    yield of_expressions(first, count)


def counted(first: int, count: int) -> Iterator[int]:
    """The numbers of the cases, with how many are done."""
    for number in range(first, first + count):
        print(f"\r{number - first} of {count}", end="", file=sys.stderr, flush=True)
        yield number
    print(f"\r{count} of {count}", file=sys.stderr)


def of_expressions(first: int, count: int) -> Line:
    """The rates over random expressions of the vocabulary."""
    rules = mutants()
    said: dict[str, list[Said]] = {"right": [], "wrong": []}
    for number in counted(first, count):
        draw = random.Random(number)
        found = expression(draw)
        said["right"].append(_said(lambda found=found: verify(found.target)))
        with wrong_rule(found, draw, rules) as rule:
            if rule is not None:
                said["wrong"].append(_said(lambda found=found: verify(found.target)))
    outcomes = {kind: [one.outcome for one in every] for kind, every in said.items()}
    every = [*outcomes["right"], *outcomes["wrong"]]
    targets = [
        Target("false alarms", 0, outcomes["right"].count("wrong")),
        Target("false passes", 0, outcomes["wrong"].count("right")),
        Target("undecided, %", 2, 100 * every.count("undecided") / max(len(every), 1)),
    ]
    seconds = {"minigrad": [one.seconds for every in said.values() for one in every]}
    right, wrong = (len(every) for every in said.values())
    note = f"expressions: {right} with right rules, {wrong} with a wrong one."
    return Line(f"{NAME}, expressions", seconds, targets, [note])


def summed(cases: list[Case], notes: list[str]) -> Iterator[Line]:
    """The rates of these cases: a line for the right ones, one for the wrong ones."""
    for kind, fault in (("right", "wrong"), ("wrong", "right")):
        seconds = {
            who: [case.said[who][kind].seconds for case in cases] for who in cases[0].said
        }  # fmt: skip
        own = [case.said["minigrad"][kind].outcome for case in cases]
        what = "false alarms" if kind == "right" else "false passes"
        targets = [
            Target(what, 0, own.count(fault)),
            Target("errors", 0, own.count("failed")),
            Target("undecided, %", 2, 100 * own.count("undecided") / len(own)),
            Target("median seconds", 1, statistics.median(seconds["minigrad"])),
        ]
        if kind == "wrong":
            missed = sum(
                not case.named for case in cases if case.said["minigrad"][kind].outcome == "wrong"
            )
            targets.insert(3, Target("not named, %", 20, 100 * missed / max(own.count("wrong"), 1)))
        late = np.quantile(seconds["minigrad"], 0.95)
        said = [
            f"{kind} code, {len(cases)} cases: {dict(Counter(own))}, within {late:.1f} s of "
            "processor time in 95 of 100."
        ]
        if "PyTorch" in cases[0].said:
            theirs = [case.said["PyTorch"][kind] for case in cases]
            words = Counter(said.text for said in theirs if said.outcome == "wrong")
            told = "; ".join(f"{n} times {text!r}" for text, n in words.most_common(3))
            passed = sum(said.outcome == "right" for said in theirs)
            said.append(f"gradcheck passes {passed} of {len(cases)}. {told}".strip())
        yield Line(f"{NAME}, {kind} code", seconds, targets, [*notes, *said])


def judged(number: int, verifiers: dict[str, Callable[[Pair], Said]]) -> Case:
    """The case of this number, by each verifier."""
    draw = random.Random(number)
    pair = PAIRS[number % len(PAIRS)]
    right, kinds = rewritten(pair, oracle_of(pair.name), draw, draw.randrange(9))
    right = with_text(right)
    wrong, change = planted(right, oracle_of(pair.name), draw)
    case = Case(number, pair.name, kinds, change.kind, _changed_line(right, change))
    if change.kind == "a dropped statement":
        whole = source_of(right.backward).splitlines()[case.line[0] - 1]
        case.dropped = re.split(r"\W", whole.strip())[0]
    case.source = [source_of(f) for f in (right.forward, right.backward, wrong.backward)]
    for name, verifier in verifiers.items():
        case.said[name] = {"right": verifier(right), "wrong": verifier(wrong)}
    case.named = names(case.said["minigrad"]["wrong"].text, case, wrong)
    return case


@cache
def oracle_of(name: str) -> Oracle:
    return Oracle(next(pair for pair in PAIRS if pair.name == name))


def with_text(pair: Pair) -> Pair:
    """The pair with its backward's source as a machine writes it, so that lines can be compared."""
    text = ast.unparse(ast.parse(source_of(pair.backward))) + "\n"
    return replace(pair, backward=function_of(text, pair.backward))


def _changed_line(right: Pair, change: Change) -> tuple[int, str]:
    """The first line that differs."""
    both = zip(source_of(right.backward).splitlines(), change.text.splitlines(), strict=False)
    return next((k + 1, b.strip()) for k, (a, b) in enumerate(both) if a != b)


def names(text: str, case: Case, wrong: Pair) -> bool:
    """Whether every sentence of a report names the mistake.

    It blames the line that was changed; or it gives a line with which all is right; or it gives
    the whole gradient, which is what the changed line returns.
    """
    number, line = case.line
    sentences = re.findall(r"backward's ∂L/∂.*", text)
    known = (
        f"in line {number}, ",
        *((" right is ", " lacks the ", " is returned for ") if "return" in line else ()),
        " should be ",
        " was not summed over ",
        *((f"nothing is added to {case.dropped}",) if case.dropped else ()),
        *((f" {case.dropped} lacks the term ",) if case.dropped else ()),
    )
    return bool(sentences) and all(
        (
            any(word in sentence for word in known)
            and not re.search("is wrong: |right is not", sentence)
        )
        or is_mended(sentence, wrong)
        for sentence in sentences
    )


def is_mended(sentence: str, wrong: Pair) -> bool:
    """Whether the gradient is right with the line that a sentence gives."""
    other = re.search(r"in line (\d+), `(.*?)`, .*; it is right as `(.*)`", sentence)
    missing = re.search(r"in line (\d+), `.*`, after which `(.*)` is missing", sentence)
    told = other or missing
    if told is None:
        return False
    lines = source_of(wrong.backward).splitlines(keepends=True)
    number = int(told[1]) - 1
    if number >= len(lines):  # a line of another function that backward calls
        return False
    if other:
        lines[number] = lines[number].replace(told[2], told[3])
    else:
        indent = re.match(" *", lines[number])[0]
        lines[number] += f"{indent}{told[2]}\n"
    mended = replace(wrong, backward=function_of("".join(lines), wrong.backward))
    return oracle_of(wrong.name).error(mended) < SAME


def by_verify(pair: Pair) -> Said:
    """What minigrad says, with the settings that it has by itself."""
    return _said(lambda: check_vjp(pair.forward, pair.backward, pair.inputs, saves=pair.saves))


def _said(judge: Callable[[], Report]) -> Said:
    start = time.process_time()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            report = judge()
        except ValueError as error:
            refused = isinstance(error.__cause__, MisfitError)
            outcome = "refused" if refused else "failed"
            return Said(outcome, str(error), time.process_time() - start)
    seconds = time.process_time() - start
    return Said({0: "right", 1: "wrong", 3: "undecided"}[report.status], str(report), seconds)


def by_gradcheck(pair: Pair) -> Said:
    """What PyTorch's gradcheck says of the pair as an autograd.Function."""
    import torch

    constant = oracle_of(pair.name).constants

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            given = iter(tensors)
            inputs = [
                np.array(x) if fixed else next(given).detach().numpy().copy()
                for x, fixed in zip(pair.inputs, constant, strict=True)
            ]
            returned = pair.forward(*inputs)
            ctx.saved = (returned[1],) if pair.saves else inputs
            y = returned[0] if pair.saves else returned
            ctx.several = isinstance(y, tuple)
            outputs = [torch.tensor(np.asarray(part)) for part in (y if ctx.several else (y,))]
            return tuple(outputs) if ctx.several else outputs[0]

        @staticmethod
        def backward(ctx: Any, *g: Any) -> Any:
            cotangents = [u.numpy().copy()[()] for u in g]
            found = pair.backward(tuple(cotangents) if ctx.several else cotangents[0], *ctx.saved)
            found = tuple(found) if isinstance(found, tuple | list) else (found,)
            return tuple(
                torch.tensor(np.asarray(d))
                for d, fixed in zip(found, constant, strict=True)
                if not fixed
            )

    tensors = [
        torch.tensor(np.asarray(x, float), requires_grad=True)
        for x, fixed in zip(pair.inputs, constant, strict=True)
        if not fixed
    ]
    start = time.process_time()
    try:
        torch.autograd.gradcheck(Function.apply, tensors)
        return Said("right", "", time.process_time() - start)
    except Exception as error:
        text = re.split(r"[,.:\n]", str(error))[0]
        return Said("wrong", re.sub(r"\d+", "N", text), time.process_time() - start)
