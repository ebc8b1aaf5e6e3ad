"""Tests of `rzen_eval.sample`."""
