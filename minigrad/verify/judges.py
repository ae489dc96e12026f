"""The three judges. Each sees a `Subject` alone, and none uses the gradient that it judges."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from minigrad.targets import Judge
from minigrad.verify.exact import exact
from minigrad.verify.finding import (
    STANDARD,
    Finding,
    Settings,
)
from minigrad.verify.numeric import numeric
from minigrad.verify.proof import proof
from minigrad.verify.subject import Subject


def judged(
    subject: Subject, judges: Iterable[Judge], settings: Settings = STANDARD
) -> list[Finding]:
    """What each of these judges finds."""
    found = []
    for judge in judges:
        start = time.perf_counter()
        with subject.held(), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            finding = JUDGES[judge](subject, settings)
        finding.seconds = time.perf_counter() - start
        found.append(finding)
    return found


JUDGES: Mapping[Judge, Callable[[Subject, Settings], Finding]] = {
    "proof": proof,
    "exact": exact,
    "numeric": numeric,
}
