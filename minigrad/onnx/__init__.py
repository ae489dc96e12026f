"""Models as ONNX files, which run without minigrad and without Python.

`export` records a program as `minigrad.jit` does, and expresses it in ONNX's operators. The file is
run by onnxruntime and others, in C++, on phones and in browsers.
"""

from minigrad.onnx.exporting import export
from minigrad.onnx.writer import ExportError

__all__ = ["ExportError", "export"]
