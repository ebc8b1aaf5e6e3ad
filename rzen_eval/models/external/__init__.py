"""Models that take items whole: a user's class, Sentence-Transformers, an API."""
