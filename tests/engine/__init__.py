"""Tests of `rzen_eval.engine`."""
