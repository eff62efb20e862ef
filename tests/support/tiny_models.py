"""Models for the tests of training libraries: two layers of BERT, and data that takes milliseconds to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "good", "bad", "day", "night"]


def bert_config() -> Any:
    """Return the config of the smallest BERT."""
    from transformers import BertConfig

    return BertConfig(
        vocab_size=len(WORDS),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
        num_labels=2,
    )


def save_bert(folder: Path) -> Path:
    """Write a BERT and its tokenizer into a folder; return it."""
    from transformers import BertModel, BertTokenizerFast

    folder.mkdir(parents=True)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(WORDS))
    BertTokenizerFast(vocab=str(vocabulary)).save_pretrained(folder)
    BertModel(bert_config()).save_pretrained(folder)
    return folder


def rows(count: int) -> list[dict[str, Any]]:
    """Return sequences of token ids, each with a label."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(5, len(WORDS), (count, 6), generator=generator)
    return [{"input_ids": row, "attention_mask": torch.ones_like(row), "labels": row[0] % 2} for row in ids]
