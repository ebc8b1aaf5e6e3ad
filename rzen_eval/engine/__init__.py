"""Embedding at speed."""
