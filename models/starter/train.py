# SPDX-License-Identifier: Apache-2.0
"""Trains the starter model on dialogues generated as it goes; resumes from its last checkpoint.

`--from starter.gguf` starts from the weights of a model file, without the phase rich in copy drills;
such weights want a lower `--rate`.

The learning rate falls with training time, not with steps, so that a run ends when its `--minutes`
end on any machine. `.work/threads`, if it holds a number, changes the thread count while training.
"""

import argparse
import os
import pathlib
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
import torch.nn.functional as F

import export
import tokenizer
from dialogue import segments
from generate import training_dialogue
from model import Model, Shape
from optimizer import Optimizer
from words import Source

OTHER_WEIGHT = 0.1      # loss weight of the tokens the model does not have to write
BATCH_TOKENS_MAX = 3072
POOL = 120              # dialogues that are sorted by length into batches
LENGTH_MAX = 1280
CHECKPOINT_SECONDS = 180
WARMUP_STEPS = 60
DRILLS_UNTIL = 0.2      # part of the training time after which copy drills are rare
DRILLS_LEAST = 0.15     # share of copy drills from then on


def encode(text, dialogue):
    """(tokens, weights): a weight belongs to the token itself as a prediction target."""
    tokens, weights = [], []
    for piece, is_answer in segments(dialogue):
        ids = text.encode(piece)
        tokens += ids
        weights += [1.0 if is_answer else OTHER_WEIGHT] * len(ids)
    return tokens[:LENGTH_MAX], weights[:LENGTH_MAX]


def batches(text, seed, drills):
    """Endless (tokens, weights) tensors of dialogues of like length, one dialogue a row."""
    pool = 0
    while True:
        source = Source(seed * 1000003 + pool)
        pool += 1
        rows = sorted((encode(text, training_dialogue(source, drills())) for _ in range(POOL)),
                      key=lambda row: len(row[0]))
        groups, group = [], []
        for row in rows:
            if group and len(row[0]) * (len(group) + 1) > BATCH_TOKENS_MAX:
                groups.append(group)
                group = []
            group.append(row)
        groups.append(group)
        source.random.shuffle(groups)
        for group in groups:
            length = max(len(t) for t, _ in group)
            tokens = torch.full((len(group), length), text.end)
            weights = torch.zeros(len(group), length)
            for i, (t, w) in enumerate(group):
                tokens[i, :len(t)] = torch.tensor(t)
                weights[i, :len(t)] = torch.tensor(w)
            yield tokens, weights


def drill_share(done):
    """Share of copy drills: copying is learned first, and everything else builds on it."""
    return max(DRILLS_LEAST, 0.6 * (1 - done / DRILLS_UNTIL))


def loss_of(model, tokens, weights):
    """(weighted loss, plain loss of the answers)."""
    targets, w = tokens[:, 1:].reshape(-1), weights[:, 1:].reshape(-1)
    kept = w > 0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hidden = model.hidden(tokens[:, :-1]).reshape(-1, model.shape.width)[kept]
        logits = F.linear(hidden, model.token_embd.weight)
    losses = F.cross_entropy(logits.float(), targets[kept], reduction="none")
    w = w[kept]
    return (losses * w).sum() / w.sum(), losses.detach()[w == 1].mean().item()


def save(path, **state):
    torch.save(state, str(path) + ".part")
    os.replace(str(path) + ".part", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=90)
    parser.add_argument("--from", dest="start", type=pathlib.Path, help="a model file to train on")
    parser.add_argument("--rate", type=float, default=1.0,
                        help="part of the full learning rate to begin with")
    parser.add_argument("--seed", type=int, default=1, help="of the text; new text needs a new one")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--work", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent / ".work")
    options = parser.parse_args()
    options.work.mkdir(exist_ok=True)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    text = tokenizer.load()
    model = export.load_model(options.start) if options.start else \
        Model(Shape(vocabulary=len(text.tokens)))
    optimizer = Optimizer(model)
    checkpoint = options.work / "checkpoint.pt"
    step, seconds, seen = 0, 0.0, 0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        optimizer.load(state["optimizer"])
        step, seconds, seen = state["step"], state["seconds"], state["seen"]
    print("parameters", sum(p.numel() for p in model.parameters()), flush=True)
    saved, average = time.time(), None
    share = lambda: DRILLS_LEAST if options.start else \
        drill_share(seconds / (60 * options.minutes))
    for tokens, weights in batches(text, options.seed + step, share):
        start = time.time()
        done = seconds / (60 * options.minutes)
        if done >= 1:
            break
        rate = options.rate * min(1, (step + 1) / WARMUP_STEPS) * max(0.01, 1 - done)
        loss, answer_loss = loss_of(model, tokens, weights)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step(rate)
        step, seen = step + 1, seen + int((weights > 0).sum())
        average = answer_loss if average is None else 0.95 * average + 0.05 * answer_loss
        seconds += time.time() - start
        if step % 20 == 0:
            print("step %d seconds %.0f tokens %d answer loss %.4f rate %.3f tokens/s %.0f" %
                  (step, seconds, seen, average, rate,
                   tokens.numel() / (time.time() - start)), flush=True)
            wish = options.work / "threads"
            if wish.exists():
                torch.set_num_threads(int(wish.read_text()))
        if time.time() - saved > CHECKPOINT_SECONDS:
            saved = time.time()
            save(checkpoint, model=model.state_dict(), optimizer=optimizer.state(), step=step,
                 seconds=seconds, seen=seen)
    save(checkpoint, model=model.state_dict(), optimizer=optimizer.state(), step=step,
         seconds=seconds, seen=seen)
    print("done", step, seen, flush=True)


if __name__ == "__main__":
    main()
