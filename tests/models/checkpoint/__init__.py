"""Tests of `rzen_eval.models.checkpoint`."""
