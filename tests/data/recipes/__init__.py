"""Tests of `rzen_eval.data.recipes`."""
