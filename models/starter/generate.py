# SPDX-License-Identifier: Apache-2.0
"""Composes dialogues from the skills: tools offered, system text, one or several goals.

`python3 generate.py` prints a few samples; `python3 generate.py --held-out` writes heldout.jsonl
and paraphrases.jsonl.
"""

import argparse
import json
import pathlib

import skills_chains
import skills_chat
import skills_injection
import skills_tools
from dialogue import ALL_TOOLS, FOREIGN_TOOLS, TOOLS, Dialogue, render
from paraphrases import PARAPHRASES, demonstration_tools
from words import Source

GROUPS = ((skills_chat.SKILLS, 0.20), (skills_tools.SKILLS, 0.30), (skills_chains.SKILLS, 0.26),
          (skills_injection.SKILLS, 0.24))
SYSTEM = ("You are a helpful assistant.", "You are an agent.", "You are Plinth's starter model.",
          "You are a careful agent. Reach the goal with the tools.", "Be brief.",
          "Use the tools to reach the goal.", "You help with files.", "Answer shortly.",
          "You are a test agent.", "Work step by step.", "You are a helpful agent. Use tools.")


def choose(source, weighted):
    total = sum(weight for _, weight in weighted)
    at = source.random.random() * total
    for item, weight in weighted:
        at -= weight
        if at < 0:
            return item
    return weighted[-1][0]


def offer(source, needs, avoids):
    """A random choice of tools, in random order, that holds what is needed and not the rest."""
    offered = dict(needs)
    if source.chance(0.25):
        offered.update(TOOLS)
    else:
        for name in source.random.sample(list(TOOLS), source.integer(0, 3)):
            offered.setdefault(name, TOOLS[name])
    if source.chance(0.2):
        for name in source.random.sample(list(FOREIGN_TOOLS), source.integer(1, 3)):
            offered.setdefault(name, FOREIGN_TOOLS[name])
    if source.chance(0.08):
        offered.setdefault(source.made_up() + "_" + source.word(), [source.word()])
    names = [n for n in offered if n in needs or n not in avoids]
    if source.chance(0.7):
        source.random.shuffle(names)
    else:
        names.sort(key=(list(ALL_TOOLS) + names).index)
    return {name: offered[name] for name in names}


def system_text(source):
    kind = source.random.random()
    if kind < 0.6:
        return None
    if kind < 0.88:
        return source.pick(SYSTEM)
    if kind < 0.95:
        return source.say("You are {p}, a [helpful|careful|small|friendly] [agent|assistant].",
                          p=source.person())
    return " ".join(skills_chat.sentence(source) for _ in range(source.pick((1, 1, 2))))


def converse(source, skills=None):
    """One dialogue of one goal, sometimes of several."""
    while True:
        whole = Dialogue()
        goals = source.pick((1, 1, 1, 1, 1, 1, 1, 2, 2, 3)) if skills is None else 1
        if source.chance(0.02) and skills is None:
            goals = source.integer(4, 8)
        text = system_text(source)
        if text is not None:
            whole.messages.append({"role": "system", "content": text})
        for _ in range(goals):
            if whole.cut:
                break
            part = Dialogue()
            choose(source, skills or choose(source, GROUPS))(source, part)
            whole.messages += part.messages
            whole.needs.update(part.needs)
            whole.avoids |= part.avoids
            whole.cut = part.cut
        if whole.needs.keys() & whole.avoids:
            continue
        bare = not whole.needs and source.chance(0.5)
        whole.offered = {} if bare else offer(source, whole.needs, whole.avoids)
        return whole


def training_dialogue(source, drills=0.15):
    """A dialogue of the training mix; one in five is a demonstration goal."""
    if source.chance(drills):
        dialogue = Dialogue()
        source.pick((skills_chat.drill, skills_chains.figures_drill))(source, dialogue)
        return dialogue
    if source.chance(0.2):
        dialogue = Dialogue()
        dialogue.offered = demonstration_tools(source)
        text = system_text(source)
        if text is not None:
            dialogue.messages.append({"role": "system", "content": text})
        source.pick(PARAPHRASES)(source, dialogue)
        return dialogue
    return converse(source)


def write_held_out(folder, seed=20261124):
    """500 dialogues and 100 paraphrases of the demonstration goals that training never draws."""
    source = Source(seed, held_out=True)
    whole = []
    while len(whole) < 500:
        dialogue = converse(source)
        if not dialogue.cut:
            whole.append(dialogue)
    demonstration = []
    while len(demonstration) < 100:
        dialogue = Dialogue()
        dialogue.offered = demonstration_tools(source)
        PARAPHRASES[len(demonstration) % len(PARAPHRASES)](source, dialogue)
        demonstration.append(dialogue)
    for name, dialogues in (("heldout.jsonl", whole), ("paraphrases.jsonl", demonstration)):
        lines = []
        for dialogue in dialogues:
            request = dialogue.request()
            for tool in request["tools"]:
                del tool["function"]["description"]
            lines.append(json.dumps(request, ensure_ascii=False, separators=(",", ":")))
        (folder / name).write_text("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20)
    options = parser.parse_args()
    if options.held_out:
        write_held_out(pathlib.Path(__file__).parent)
        return
    source = Source(options.seed)
    for _ in range(options.count):
        print(render(training_dialogue(source)), end="\n\n")


if __name__ == "__main__":
    main()
