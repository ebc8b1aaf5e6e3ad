"""Tests of `rzen_eval.ranking`."""
