# SPDX-License-Identifier: Apache-2.0
"""The model: llama architecture with tied embeddings, RoPE on neighbouring pairs."""

import dataclasses
import math

import torch
import torch.nn.functional as F


@dataclasses.dataclass
class Shape:
    """Sizes of the model; every row length is a multiple of 32 for Q8_0."""
    vocabulary: int = 1536
    width: int = 192
    layers: int = 6
    heads: int = 6
    feed_forward: int = 512
    context: int = 2048
    theta: float = 10000.0
    epsilon: float = 1e-5


class Norm(torch.nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.epsilon) * self.weight


class Block(torch.nn.Module):
    def __init__(self, shape):
        super().__init__()
        width, inner = shape.width, shape.feed_forward
        self.heads = shape.heads
        self.attn_norm = Norm(width, shape.epsilon)
        self.attn_qkv = torch.nn.Linear(width, 3 * width, bias=False)
        self.attn_output = torch.nn.Linear(width, width, bias=False)
        self.ffn_norm = Norm(width, shape.epsilon)
        self.ffn_gate = torch.nn.Linear(width, inner, bias=False)
        self.ffn_up = torch.nn.Linear(width, inner, bias=False)
        self.ffn_down = torch.nn.Linear(inner, width, bias=False)

    def forward(self, x, turns, mask):
        batch, length, width = x.shape
        size = width // self.heads
        qkv = self.attn_qkv(self.attn_norm(x)).view(batch, length, 3, self.heads, size)
        pairs = qkv[:, :, :2].float().reshape(batch, length, 2, self.heads, -1, 2)
        qk = torch.view_as_complex(pairs)
        qk = torch.view_as_real(qk * turns).view(batch, length, 2, self.heads, size)
        q, k = (qk[:, :, i].transpose(1, 2).reshape(-1, length, size) for i in (0, 1))
        v = qkv[:, :, 2].transpose(1, 2).reshape(-1, length, size)
        scores = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=1 / math.sqrt(size))
        mixed = torch.bmm(torch.softmax(scores, -1), v)
        mixed = mixed.view(batch, self.heads, length, size).transpose(1, 2)
        x = x + self.attn_output(mixed.reshape(batch, length, width))
        h = self.ffn_norm(x)
        return x + self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h))


class Model(torch.nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.token_embd = torch.nn.Embedding(shape.vocabulary, shape.width)
        self.blk = torch.nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = Norm(shape.width, shape.epsilon)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                deviation = 0.02 if "embd" in name else parameter.shape[1] ** -0.5
                if name.endswith(("attn_output.weight", "ffn_down.weight")):
                    deviation /= math.sqrt(2 * shape.layers)
                torch.nn.init.normal_(parameter, 0, deviation)
        size = shape.width // shape.heads
        speeds = shape.theta ** (-torch.arange(0, size, 2).float() / size)
        angles = torch.outer(torch.arange(shape.context).float(), speeds)
        self.turns = torch.polar(torch.ones_like(angles), angles)

    def forward(self, tokens):
        """Logits [batch, length, vocabulary] of tokens [batch, length]."""
        return F.linear(self.hidden(tokens), self.token_embd.weight)

    def hidden(self, tokens):
        length = tokens.shape[1]
        x = self.token_embd(tokens)
        mask = torch.full((length, length), -1e9).triu(1)[None]
        turns = self.turns[:length].view(1, length, 1, 1, -1)
        for block in self.blk:
            x = block(x, turns, mask)
        return self.output_norm(x)
