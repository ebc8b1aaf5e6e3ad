"""Tests of `rzen_eval.estimate`."""
