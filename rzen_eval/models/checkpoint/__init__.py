"""Weights on disk: found, checked, merged."""
