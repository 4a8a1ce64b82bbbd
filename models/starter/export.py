# SPDX-License-Identifier: Apache-2.0
"""Writes the last checkpoint as starter.gguf: matrices in Q8_0, norms in F32."""

import argparse
import pathlib

import torch

import gguf
import tokenizer
from dialogue import CHAT_TEMPLATE
from model import Model, Shape

HERE = pathlib.Path(__file__).parent
NORMAL, CONTROL, USER_DEFINED = 1, 3, 4
CONTEXT = 1280  # the longest dialogue seen in training


def metadata_of(shape, text):
    kinds = [NORMAL] * len(text.tokens)
    first = len(text.tokens) - len(tokenizer.SPECIAL)
    for i in range(len(tokenizer.SPECIAL)):
        kinds[first + i] = CONTROL if i < tokenizer.CONTROL_COUNT else USER_DEFINED
    u32, text_kind = gguf.U32, gguf.STRING
    return [
        ("general.architecture", text_kind, "llama"),
        ("general.name", text_kind, "starter"),
        ("general.license", text_kind, "apache-2.0"),
        ("general.quantization_version", u32, 2),
        ("general.file_type", u32, 7),
        # So small a model errs on every tenth draw at 1.
        ("general.sampling.temp", gguf.F32, 0.2),
        ("llama.vocab_size", u32, shape.vocabulary),
        ("llama.context_length", u32, CONTEXT),
        ("llama.embedding_length", u32, shape.width),
        ("llama.block_count", u32, shape.layers),
        ("llama.feed_forward_length", u32, shape.feed_forward),
        ("llama.attention.head_count", u32, shape.heads),
        ("llama.attention.head_count_kv", u32, shape.heads),
        ("llama.attention.layer_norm_rms_epsilon", gguf.F32, shape.epsilon),
        ("llama.rope.freq_base", gguf.F32, shape.theta),
        ("llama.rope.dimension_count", u32, shape.width // shape.heads),
        ("tokenizer.ggml.model", text_kind, "gpt2"),
        ("tokenizer.ggml.pre", text_kind, "gpt-2"),
        ("tokenizer.ggml.tokens", gguf.ARRAY, (gguf.STRING, text.tokens)),
        ("tokenizer.ggml.token_type", gguf.ARRAY, (gguf.I32, kinds)),
        ("tokenizer.ggml.merges", gguf.ARRAY, (gguf.STRING, [a + " " + b for a, b in text.merges])),
        ("tokenizer.ggml.bos_token_id", u32, text.end),
        ("tokenizer.ggml.eos_token_id", u32, text.end),
        ("tokenizer.ggml.add_bos_token", gguf.BOOL, False),
        ("tokenizer.ggml.add_eos_token", gguf.BOOL, False),
        ("tokenizer.chat_template", text_kind, CHAT_TEMPLATE),
    ]


def tensors_of(model):
    """GGUF rows of the model's parameters, the joint q, k, v matrix taken apart."""
    rows = []
    for name, parameter in model.state_dict().items():
        array = parameter.float().numpy()
        if "attn_qkv" in name:
            for part, piece in zip("qkv", array.reshape(3, -1, array.shape[1])):
                rows.append((name.replace("qkv", part), piece, gguf.TENSOR_Q8_0))
        else:
            rows.append((name, array, gguf.TENSOR_Q8_0 if array.ndim == 2 else gguf.TENSOR_F32))
    return rows


def load_model(path):
    """A torch model with the weights of a GGUF file, as an engine sees them."""
    metadata, tensors = gguf.read(path)
    model = Model(Shape(vocabulary=metadata["llama.vocab_size"],
                        width=metadata["llama.embedding_length"],
                        layers=metadata["llama.block_count"],
                        heads=metadata["llama.attention.head_count"],
                        feed_forward=metadata["llama.feed_forward_length"]))
    state = {}
    for name in model.state_dict():
        if "attn_qkv" in name:
            parts = [torch.tensor(tensors[name.replace("qkv", p)]) for p in "qkv"]
            state[name] = torch.cat(parts)
        else:
            state[name] = torch.tensor(tensors[name])
    model.load_state_dict(state)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default=HERE / ".work" / "checkpoint.pt")
    parser.add_argument("--output", default=HERE / "starter.gguf")
    options = parser.parse_args()
    text = tokenizer.load()
    model = Model(Shape(vocabulary=len(text.tokens)))
    state = torch.load(options.checkpoint)
    model.load_state_dict(state["model"])
    gguf.write(options.output, metadata_of(model.shape, text), tensors_of(model))
    print("exported after %d training tokens" % state["seen"])


if __name__ == "__main__":
    main()
