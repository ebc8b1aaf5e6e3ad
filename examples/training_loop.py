"""A training loop that looks at the benchmark as it goes: `python training_loop.py CHECKPOINT`, with a Qwen2-VL."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import torch
import trackio
from transformers import AutoImageProcessor, AutoTokenizer, Qwen2VLForConditionalGeneration

from rzen_eval import evaluate_suite, model_from


def main(checkpoint: str, steps: int = 3, every: int = 2) -> list[str]:
    """Train on one sentence, and log a score of the bundled sample beside the loss.

    Args:
        checkpoint: folder or name of the hub.
        steps: of training.
        every: steps between two scores.

    Returns:
        What each score said.
    """
    module = Qwen2VLForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32).train()
    # AutoProcessor.from_pretrained(checkpoint) is the same where torchvision is installed.
    processor = SimpleNamespace(
        tokenizer=AutoTokenizer.from_pretrained(checkpoint),
        image_processor=AutoImageProcessor.from_pretrained(checkpoint, backend="pil"),
    )
    ids = processor.tokenizer("a page about ships", return_tensors="pt").input_ids
    optimizer, said = torch.optim.AdamW(module.parameters(), lr=1e-4), []
    trackio.init(project="training_loop", name="tiny", embed=False)
    for step in range(1, steps + 1):
        loss = module(input_ids=ids, labels=ids).loss
        loss.backward()
        numbers = {"loss": loss.item()}
        if step % every == 0:
            model = model_from(module, processor, declaration="gme_2b")
            found = evaluate_suite(model, "visdoc/vidore_arxivqa", limit=8)
            numbers |= found.to_dict("mmeb/")
            said.append(repr(found))
        optimizer.step()
        optimizer.zero_grad()
        trackio.log(numbers, step=step)
    trackio.finish()
    return said


if __name__ == "__main__":
    print("\n".join(main(sys.argv[1])))
