"""Derivations as text, LaTeX, Markdown and HTML, in English and Spanish."""
