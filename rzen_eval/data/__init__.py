"""Rows and media."""
