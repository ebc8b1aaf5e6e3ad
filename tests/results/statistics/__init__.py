"""Tests of `rzen_eval.results.statistics`."""
