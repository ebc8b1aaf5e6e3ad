"""What commands import and read first, done here once in the process that forks theirs."""

from __future__ import annotations

import pkgutil
from importlib import import_module

import datasets
import pytest
import torch
import transformers.models.qwen2_vl.modeling_qwen2_vl

import rzen_eval
from rzen_eval.benchmark.manifest import manifest

__all__ = ["datasets", "pytest", "torch", "transformers"]
ELSEWHERE = ("rzen_eval.__main__", "rzen_eval.multirun", "rzen_eval.models.families")
"""What ends, or imports a library or a model that few commands need."""

for module in pkgutil.walk_packages(rzen_eval.__path__, "rzen_eval."):
    if not module.name.startswith(ELSEWHERE):
        import_module(module.name)
import_module("rzen_eval.models.families.qwen2_vl")
manifest()
