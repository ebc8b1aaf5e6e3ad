"""Recipes: how the rows of a kind of dataset become queries, candidates and judgements."""
