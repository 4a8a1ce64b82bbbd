# SPDX-License-Identifier: Apache-2.0
"""Measures starter.gguf on the held-out dialogues and on the paraphrased demonstration goals.

Every assistant turn gets the true history. A turn is right when the greedy answer is exactly the
expected tool call, or holds no call where none is due. A dialogue is right when all its turns are.
`--fresh N` draws N dialogues of the training mix instead; `--template` renders the Jinja template.
"""

import argparse
import collections
import json
import os
import pathlib

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch

import export
import generate
import tokenizer
from dialogue import CHAT_TEMPLATE, Dialogue, render, segments
from model import Model, Shape
from words import Source

HERE = pathlib.Path(__file__).parent


def read_file(path):
    """The dialogues of a .jsonl file."""
    result = []
    for line in path.read_text().splitlines():
        request = json.loads(line)
        dialogue = Dialogue()
        dialogue.messages = request["messages"]
        dialogue.offered = {t["function"]["name"]: list(t["function"]["parameters"]["properties"])
                            for t in request["tools"]}
        result.append(dialogue)
    return result


def batch_logits(model, rows, end):
    tokens = torch.full((len(rows), max(map(len, rows))), end)
    for i, row in enumerate(rows):
        tokens[i, :len(row)] = torch.tensor(row)
    with torch.no_grad():
        return model(tokens)


def judge(model, text, dialogues, tokens_max=4096):
    """Yields (dialogue, [(is_call, call_right, text_right, answer)]), in any order.

    One forward pass suffices: greedy decoding gives the expected turn exactly when the expected
    token has the largest logit at each of its places.
    """
    rows = []
    for dialogue in dialogues:
        pieces = segments(dialogue)
        rows.append((dialogue, pieces, [text.encode(p) for p, _ in pieces]))
    rows.sort(key=lambda row: sum(map(len, row[2])))
    call = text.ids["<tool_call>"]
    while rows:
        length = sum(map(len, rows[0][2]))
        group = rows[:max(1, tokens_max // (length + 60))]
        rows = rows[len(group):]
        flat = [sum(ids, []) for _, _, ids in group]
        best = batch_logits(model, flat, text.end).argmax(-1).tolist()
        for row, (dialogue, pieces, ids), choice in zip(flat, group, best):
            at, turns = 0, []
            for (piece, is_answer), tokens in zip(pieces, ids):
                if is_answer:
                    chosen = choice[at - 1:at + len(tokens) - 1]
                    is_call = tokens[0] == call
                    exact = chosen == tokens
                    right = exact if is_call else call not in chosen
                    turns.append((is_call, right, exact, text.decode(chosen)))
                at += len(tokens)
            yield dialogue, turns


def report(name, judged, shown):
    counts = collections.Counter()
    wrong = []
    for dialogue, turns in judged:
        counts["dialogues"] += 1
        right = all(t[1] for t in turns)
        counts["right"] += right
        for is_call, call_right, text_right, _ in turns:
            counts["calls" if is_call else "texts"] += 1
            counts["calls right" if is_call else "no call right"] += call_right
            counts["texts exact"] += text_right and not is_call
        if not right:
            wrong.append((dialogue, turns))
    print("%s: %d of %d dialogues right (%.1f %%); tool calls %d of %d; no call where none is due "
          "%d of %d; answer texts exact %d" %
          (name, counts["right"], counts["dialogues"], 100 * counts["right"] / counts["dialogues"],
           counts["calls right"], counts["calls"], counts["no call right"], counts["texts"],
           counts["texts exact"]))
    for dialogue, turns in wrong[:shown]:
        print("  ----", render(dialogue))
        for is_call, right, exact, answer in turns:
            if not right:
                print("  GOT ", answer)
    return counts


def by_skill(model, text, each):
    """Which skills lag: share of right dialogues over fresh text of each skill."""
    source = Source(987654321)
    for skills, _ in generate.GROUPS:
        for skill, _ in skills:
            dialogues = [generate.converse(source, ((skill, 1),)) for _ in range(each)]
            dialogues = [d for d in dialogues if not d.cut]
            if not dialogues:
                continue
            judged = list(judge(model, text, dialogues))
            right = sum(all(t[1] for t in turns) for _, turns in judged)
            exact = sum(all(t[2] for t in turns) for _, turns in judged)
            print("%-22s right %3d exact %3d of %d" % (skill.__name__, right, exact, len(judged)))


def check_template():
    """The Jinja template gives the text that training used."""
    import jinja2
    environment = jinja2.Environment()
    environment.filters["tojson"] = lambda v: json.dumps(v, ensure_ascii=False,
                                                         separators=(",", ":"))
    template = environment.from_string(CHAT_TEMPLATE)
    for name in ("heldout.jsonl", "paraphrases.jsonl"):
        for dialogue in read_file(HERE / name):
            text = template.render(**dialogue.request(), add_generation_prompt=False)
            if text != render(dialogue):
                raise SystemExit("the template differs:\n%s\n%s" % (text, render(dialogue)))
    print("the template agrees on all held-out dialogues")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=HERE / "starter.gguf")
    parser.add_argument("--checkpoint", help="a training checkpoint in place of the model file")
    parser.add_argument("--fresh", type=int, default=0)
    parser.add_argument("--skills", type=int, default=0, help="dialogues a skill")
    parser.add_argument("--wrong", type=int, default=0, help="how many failures to print")
    parser.add_argument("--template", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    if options.template:
        check_template()
        return
    text = tokenizer.load()
    if options.checkpoint:
        model = Model(Shape(vocabulary=len(text.tokens)))
        model.load_state_dict(torch.load(options.checkpoint)["model"])
    else:
        model = export.load_model(options.model)
    if options.skills:
        by_skill(model, text, options.skills)
    elif options.fresh:
        source = Source(424242)
        dialogues = [generate.training_dialogue(source) for _ in range(options.fresh)]
        report("fresh", judge(model, text, dialogues), options.wrong)
    else:
        for name in ("heldout.jsonl", "paraphrases.jsonl"):
            report(name, judge(model, text, read_file(HERE / name)), options.wrong)


if __name__ == "__main__":
    main()
