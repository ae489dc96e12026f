"""What a function does besides computing, noticed while it is traced: it would happen only then.

It prints, logs, opens a file, goes on with an iterator, draws from the random numbers that belong
to everybody, reads a clock or a setting, or changes what belongs to the process.
"""

from __future__ import annotations

import builtins
import contextlib
import contextvars
import datetime
import decimal
import functools
import io
import locale
import logging
import os
import random
import secrets
import sys
import threading
import time
import types
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from minigrad import hooks
from minigrad.compile import loading
from minigrad.compile.closure import Closure, is_library
from minigrad.compile.trace import Trace, quoted
from minigrad.compile.traced_array import Kind


@contextlib.contextmanager
def watched(changed: Callable[[], Any]) -> Iterator[list[str]]:
    """Watch every line of the user's code; note the first after which something has changed."""
    found: list[str] = []
    last = [""]

    def line(frame: Any, event: str, argument: Any) -> Any:
        if not found and last[0] and changed():
            found.append(last[0])
        last[0] = quoted(frame.f_code.co_filename, frame.f_lineno)
        return line

    def call(frame: Any, event: str, argument: Any) -> Any:
        return None if is_library(frame.f_globals.get("__name__")) else line

    before = sys.gettrace()
    sys.settrace(call)
    try:
        yield found
    finally:
        sys.settrace(before)
        if not found and last[0] and changed():
            found.append(last[0])


class _Stream:
    """Standard output, or that of errors, while a function is traced."""

    def __init__(self, stream: Any, trace: Trace) -> None:
        self.stream, self.trace, self.thread = stream, trace, threading.get_ident()

    def write(self, text: str) -> int:
        warned = sys._getframe(1).f_globals.get("__name__") == "warnings"
        if threading.get_ident() == self.thread and not warned:
            _refuse_text(self.trace, "printed", "print")
        return self.stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def _refused_log(factory: Callable[..., Any], trace: Trace) -> Callable[..., Any]:
    """What makes the records of `logging` while a function is traced."""
    thread = threading.get_ident()

    def record(*args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() == thread:
            _refuse_text(trace, "logged", "log")
        return factory(*args, **kwargs)

    return record


_READERS: tuple[tuple[Any, str], ...] = (
    (builtins, "open input eval exec globals"),
    (io, "open"),
    (time, "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time "
           "process_time_ns thread_time thread_time_ns localtime gmtime ctime asctime strftime"),
    (datetime, "datetime date"),
    (os, "urandom getpid getcwd listdir scandir stat"),
    (uuid, "uuid1 uuid4"),
    (secrets, "token_bytes token_hex token_urlsafe randbits randbelow choice"),
    (np.random, "default_rng"),
    (np, "get_printoptions geterr getbufsize"),
    (decimal, "getcontext"),
    (locale, "getlocale localeconv"),
)  # fmt: skip
"""Functions, and classes with such methods, that read what neither the arguments nor the code
name."""
_FUNCTIONS = (type, types.FunctionType, types.BuiltinFunctionType)
_NOW = ("now", "utcnow", "today")
_FOR_OTHERS = {"open", "urandom", "listdir", "scandir", "stat"}  # that a library asks for
_OPENING = {*sys.stdlib_module_names, "numpy", "scipy", "numba", "llvmlite"}  # for somebody else


def _root(frame: types.FrameType) -> str:
    """The package of the code that runs in a frame."""
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def _makes_code(frame: types.FrameType | None) -> bool:
    """Whether the library asked for what runs: to make or to load the kernel of a layer."""
    making = {hooks.__name__, loading.__name__}
    while frame is not None and frame.f_globals.get("__name__") not in making:
        frame = frame.f_back
    return frame is not None


@contextlib.contextmanager
def refusing(trace: Trace, closure: Closure) -> Iterator[None]:
    """While a function is traced, its own code neither reads nor says anything but by arrays."""
    with contextlib.ExitStack() as undo:
        undo.enter_context(contextlib.redirect_stdout(_Stream(sys.stdout, trace)))
        undo.enter_context(contextlib.redirect_stderr(_Stream(sys.stderr, trace)))
        factory = logging.getLogRecordFactory()
        undo.callback(logging.setLogRecordFactory, factory)
        logging.setLogRecordFactory(_refused_log(factory, trace))
        instead: dict[Any, Any] = {}
        for module, names in _READERS:
            for name in names.split():
                original = getattr(module, name)
                undo.callback(setattr, module, name, original)
                if original not in instead:
                    make = _without_clock if isinstance(original, type) else _refused_call
                    instead[original] = make(original, name, trace)
                setattr(module, name, instead[original])
        for place, value in closure.same:  # of code that has imported such a function by itself
            if isinstance(value, _FUNCTIONS) and value in instead:
                undo.callback(place.set, value)
                place.set(instead[value])
        for place in closure.kinds:
            undo.callback(place.set, place.get())
            place.set(Kind)
        yield


def _without_clock(kind: type, name: str, trace: Trace) -> type:
    """`datetime` or `date`, of which nobody asks what time it is."""

    class Kinds(type):
        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            return kind(*args, **kwargs)

        def __instancecheck__(cls, x: Any) -> bool:
            return isinstance(x, kind)

    methods = {name: getattr(kind, name) for name in _NOW if hasattr(kind, name)}
    return Kinds(kind.__name__, (kind,), {
        name: staticmethod(_refused_call(method, name, trace)) for name, method in methods.items()
    })  # fmt: skip


def _refused_call(original: Any, name: str, trace: Trace) -> Callable[..., Any]:
    """Such a function while another is traced: the user's own code does not call it."""
    thread = threading.get_ident()

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        caller = asking = sys._getframe(1)
        while name in _FOR_OTHERS and _root(asking) in _OPENING and asking.f_back is not None:
            asking = asking.f_back
        own = not is_library(asking.f_globals.get("__name__")) and not _makes_code(caller)
        seeded = name == "default_rng" and (kwargs or (args and args[0] is not None))
        if threading.get_ident() == thread and own and not seeded:
            trace.refuse(
                f"{name}() is called, which would happen only while the function is traced",
                "call it outside, and pass what it gives as an argument",
            )
        if name == "globals":
            return caller.f_globals
        if name in ("eval", "exec") and len(args) == 1 and "globals" not in kwargs:
            args = (*args, caller.f_globals, caller.f_locals)  # those of the caller, not of here
        return original(*args, **kwargs)

    return call


def _refuse_text(trace: Trace, done: str, do: str) -> NoReturn:
    trace.refuse(
        f"something is {done}, which would happen only while the function is traced",
        f"return it, and {do} it outside",
    )


class RefusingIterator:
    """Stands for an iterator, or a file, while a function is traced."""

    def __init__(self, trace: Trace, name: str) -> None:
        self._trace, self._name = trace, name

    def __iter__(self) -> NoReturn:
        self._refuse()

    def __next__(self) -> NoReturn:
        self._refuse()

    def __getattr__(self, name: str) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        self._trace.refuse(
            f"{self._name} is an iterator or a file, which would go on only while the function is "
            "traced", "pass what it gives as an argument",
        )  # fmt: skip


def draws_so_far() -> Any:
    """Where the random numbers that belong to everybody stand."""
    state: Any = np.random.get_state()
    return state[1].tobytes(), state[2:], random.getstate()


def settings_now() -> dict[str, Any]:
    """What belongs to the process or to the context: the latter by identity."""
    context = contextvars.copy_context().items()
    return {**os.environ, **{variable.name: id(value) for variable, value in context}}
