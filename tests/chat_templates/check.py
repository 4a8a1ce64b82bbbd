#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Renders real chat templates with the engine and with Jinja2 and compares byte for byte.

  tests/chat_templates/check.py [FOLDER] [--renderer PROGRAM] [--equal-min N] [--verbose]

FOLDER holds *.jinja files; without it they are taken out of the npm package node-llama-cpp, which
carries those that llama.cpp tests itself with (nothing of them is stored here). Exit code 77 when
the package cannot be had. Needs python3-jinja2; the renderer is built by
`./run build dev plinth_chat_template_render`.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import conversations
import reference

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = "node-llama-cpp@3.22.1"
BEGIN, END = "<s>", "</s>"
SKIPPED = 77


def fetch_templates(folder):
    """The templates' folder, or None without a network."""
    def run(*command):
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    try:
        run("npm", "pack", PACKAGE)
        archive = next(pathlib.Path(folder).glob("*.tgz"))
        run("tar", "xzf", archive.name, "package/llama/gitRelease.bundle")
        run("git", "clone", "--quiet", "--no-checkout", "package/llama/gitRelease.bundle", "llama")
        run("git", "-C", "llama", "checkout", "HEAD", "--", "models/templates")
    except (OSError, StopIteration, subprocess.CalledProcessError) as cause:
        print(f"skipped: {PACKAGE} cannot be had: {cause}", file=sys.stderr)
        return None
    return pathlib.Path(folder) / "llama/models/templates"


def render_with_engine(renderer, source, cases):
    request = {"template": source, "bos_token": BEGIN, "eos_token": END, "cases": cases}
    done = subprocess.run([renderer], input=json.dumps(request).encode(), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def first_difference(ours, theirs):
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    begin = max(0, at - 40)
    return f"at {at}: ours {ours[begin:at + 40]!r}, reference {theirs[begin:at + 40]!r}"


def compare(name, source, renderer, is_verbose):
    """How many cases are equal, both refused, different, refused by us alone."""
    cases = conversations.cases()
    counts = {"equal": 0, "both refuse": 0, "different": 0, "refused": 0}
    shown = []
    for case, ours in zip(cases, render_with_engine(renderer, source, cases)):
        theirs = reference.render(source, BEGIN, END, case)
        if "error" in ours and "error" in theirs:
            counts["both refuse"] += 1
        elif "error" in ours:
            counts["refused"] += 1
            shown.append(f"    {case['name']}: {ours['error']}")
        elif "error" in theirs:
            counts["different"] += 1
            shown.append(f"    {case['name']}: the reference refuses: {theirs['error']}")
        elif ours["text"] == theirs["text"]:
            counts["equal"] += 1
        else:
            counts["different"] += 1
            shown.append(f"    {case['name']}: {first_difference(ours['text'], theirs['text'])}")
    is_equal = counts["different"] == counts["refused"] == 0
    print(f"{'equal' if is_equal else 'NOT':5} {name}: " + ", ".join(f"{v} {k}" for k, v in counts.items() if v))
    if shown:
        print("\n".join(shown if is_verbose else shown[:1]))
    return is_equal, counts["equal"] > 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--renderer", default=str(ROOT / "build/dev/plinth_chat_template_render"))
    parser.add_argument("--equal-min", type=int, default=40)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(options.folder) if options.folder else fetch_templates(temporary)
        if folder is None:
            return SKIPPED
        files = sorted(folder.glob("*.jinja"))
        equal = 0
        for file in files:
            is_equal, is_rendered = compare(
                file.name, file.read_text(encoding="utf-8"), options.renderer, options.verbose
            )
            equal += is_equal and is_rendered
        print(f"{equal} of {len(files)} templates are equal on all {len(conversations.cases())} conversations")
    return 0 if equal >= options.equal_min else 1


if __name__ == "__main__":
    sys.exit(main())
