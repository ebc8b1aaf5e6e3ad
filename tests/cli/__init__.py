"""Tests of `rzen_eval.cli`."""
