"""Whole models built of `minigrad.nn`, one readable file each: ``python -m models.NAME``."""
