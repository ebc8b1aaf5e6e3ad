"""Tests of `rzen_eval.config`."""
