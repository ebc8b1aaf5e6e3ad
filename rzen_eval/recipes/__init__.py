"""Recipes: from the rows of a family of tasks to queries, candidates and judgements."""
