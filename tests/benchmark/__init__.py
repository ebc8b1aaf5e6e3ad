"""Tests of `rzen_eval.benchmark`."""
