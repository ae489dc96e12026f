"""Equations read off code: a run on outlines, and what it recorded."""
