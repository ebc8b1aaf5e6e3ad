"""Rerankers, a class a family."""
