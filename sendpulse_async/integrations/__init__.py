"""Doors to other programs: one optional dependency, one file."""
