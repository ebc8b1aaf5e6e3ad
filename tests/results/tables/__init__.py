"""Tests of `rzen_eval.results.tables`."""
