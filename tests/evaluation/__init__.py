"""Tests of `rzen_eval.evaluation`."""
