# SPDX-License-Identifier: Apache-2.0
"""Muon for the matrices inside the blocks, AdamW for the embedding and the norms.

Muon (Jordan et al. 2024) applies momentum and then replaces the update by its nearest orthogonal
matrix, found by five Newton-Schulz steps. It is known to need fewer steps than AdamW, and training
time on a CPU is what is scarce here.
"""

import torch

MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
STEPS = 5


def orthogonalize(updates):
    """Nearly orthogonal matrices of updates [count, rows, columns]."""
    wide = updates.shape[1] <= updates.shape[2]
    x = (updates if wide else updates.transpose(1, 2)).bfloat16()
    x = x / (x.float().flatten(1).norm(dim=1)[:, None, None] + 1e-7).bfloat16()
    a, b, c = NEWTON_SCHULZ
    for _ in range(STEPS):
        square = torch.bmm(x, x.transpose(1, 2))
        x = a * x + torch.bmm(b * square + c * torch.bmm(square, square), x)
    return (x if wide else x.transpose(1, 2)).float()


class Optimizer:
    """One `step(fraction)` sets both learning rates to that fraction of their peak."""

    def __init__(self, model, adam_rate=3e-3, muon_rate=0.012, decay=0.03):
        inside = [p for n, p in model.named_parameters() if p.dim() == 2 and "blk" in n]
        outside = [p for n, p in model.named_parameters() if not (p.dim() == 2 and "blk" in n)]
        self.adam_rate, self.muon_rate, self.decay = adam_rate, muon_rate, decay
        self.adam = torch.optim.AdamW(outside, lr=adam_rate, betas=(0.9, 0.95), weight_decay=0)
        self.parameters = inside
        self.momenta = [torch.zeros_like(p) for p in inside]
        width = model.shape.width
        # Views of width x width or width x feed_forward: the joint q, k, v matrix counts as three.
        self.parts = [p.shape[0] // width if p.shape[0] % width == 0 else 1 for p in inside]

    def step(self, fraction):
        for group in self.adam.param_groups:
            group["lr"] = self.adam_rate * fraction
        self.adam.step()
        shapes = {}
        with torch.no_grad():
            for parameter, momentum, parts in zip(self.parameters, self.momenta, self.parts):
                momentum.lerp_(parameter.grad, 1 - MOMENTUM)
                update = parameter.grad.lerp(momentum, MOMENTUM)
                for part, target in zip(update.chunk(parts), parameter.data.chunk(parts)):
                    flipped = part.shape[0] > part.shape[1]
                    shapes.setdefault((min(part.shape), max(part.shape)), []).append(
                        (part.t() if flipped else part, target.t() if flipped else target,
                         max(1, part.shape[0] / part.shape[1]) ** 0.5))
            for rows in shapes.values():
                found = orthogonalize(torch.stack([update for update, _, _ in rows]))
                for update, (_, target, scale) in zip(found, rows):
                    rate = self.muon_rate * fraction
                    target.mul_(1 - rate * self.decay).sub_(update, alpha=rate * scale)

    def zero_grad(self):
        self.adam.zero_grad(set_to_none=True)
        for parameter in self.parameters:
            parameter.grad = None

    def state(self):
        return {"adam": self.adam.state_dict(), "momenta": self.momenta}

    def load(self, state):
        self.adam.load_state_dict(state["adam"])
        for mine, stored in zip(self.momenta, state["momenta"]):
            mine.copy_(stored)
