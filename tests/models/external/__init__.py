"""Tests of `rzen_eval.models.external`."""
