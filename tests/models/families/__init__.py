"""Tests of `rzen_eval.models.families`."""
