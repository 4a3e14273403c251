"""A llama model of a few thousand random weights whose tokens are bytes: enough for everything but sense."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

WIDTH, HEADS, HIDDEN = 32, 2, 64


def write(path: Path, context: int) -> None:
    """Writes it as GGUF; the same every time. Skips the test without the package that knows the format."""
    gguf = pytest.importorskip("gguf", reason="the extra 'dev' is not installed")
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    kinds = [gguf.TokenType.UNKNOWN, *[gguf.TokenType.CONTROL] * 2, *[gguf.TokenType.BYTE] * 256]
    random = np.random.default_rng(19)  # weights that choose something for most texts

    def weights(*shape: int) -> np.ndarray:
        return random.normal(0, 0.5, shape).astype(np.float32)

    model = gguf.GGUFWriter(path, "llama")
    model.add_context_length(context)
    model.add_embedding_length(WIDTH)
    model.add_block_count(1)
    model.add_feed_forward_length(HIDDEN)
    model.add_head_count(HEADS)
    model.add_layer_norm_rms_eps(1e-5)
    model.add_rope_dimension_count(WIDTH // HEADS)
    model.add_tokenizer_model("llama")
    model.add_token_list(tokens)
    model.add_token_scores([0.0] * len(tokens))
    model.add_token_types(kinds)
    model.add_bos_token_id(1)
    model.add_eos_token_id(2)
    model.add_unk_token_id(0)
    model.add_tensor("token_embd.weight", weights(len(tokens), WIDTH))
    model.add_tensor("output.weight", weights(len(tokens), WIDTH))
    model.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    for name in ("attn_norm", "ffn_norm"):
        model.add_tensor(f"blk.0.{name}.weight", np.ones(WIDTH, np.float32))
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        model.add_tensor(f"blk.0.{name}.weight", weights(WIDTH, WIDTH))
    for name, shape in {"gate": (HIDDEN, WIDTH), "up": (HIDDEN, WIDTH), "down": (WIDTH, HIDDEN)}.items():
        model.add_tensor(f"blk.0.ffn_{name}.weight", weights(*shape))
    model.write_header_to_file()
    model.write_kv_data_to_file()
    model.write_tensors_to_file()
    model.close()
