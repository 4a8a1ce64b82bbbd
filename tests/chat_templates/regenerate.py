#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what Jinja2 makes of the templates in own/ over some conversations, for the engine's fast test.

  tests/chat_templates/regenerate.py

conversations.json holds the conversations, expected/NAME.json one {"text"} or {"refused": true} for
each of them. Needs python3-jinja2.
"""
import json
import pathlib

import conversations
import reference

HERE = pathlib.Path(__file__).resolve().parent
NAMES = [
    "user + prompt", "system + prompt", "turns + prompt", "ends with reply", "odd text + prompt",
    "system and tools + prompt", "two calls + prompt", "thinking + prompt", "thinking off + prompt",
    "thinking and calls", "parts + prompt", "two user turns + prompt",
]


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main():
    cases = [case for case in conversations.cases() if case["name"] in NAMES]
    write(HERE / "conversations.json", {"bos_token": "<s>", "eos_token": "</s>", "cases": cases})
    for file in sorted((HERE / "own").glob("*.jinja")):
        source = file.read_text(encoding="utf-8")
        results = [reference.render(source, "<s>", "</s>", case) for case in cases]
        for case, result in zip(cases, results):
            if "error" in result:
                print(f"{file.stem}: {case['name']}: {result['error']}")
        shown = [result if "text" in result else {"refused": True} for result in results]
        write(HERE / "expected" / (file.stem + ".json"), shown)


if __name__ == "__main__":
    main()
