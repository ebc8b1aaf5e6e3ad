"""Plots and sweeps."""
