"""Rows, averages and documents."""
