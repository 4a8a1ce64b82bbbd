# SPDX-License-Identifier: Apache-2.0
"""A dialogue in ChatRequest form, the tools it may offer, and its rendering as model text.

`render` and the Jinja text in chat_template.jinja must agree; `evaluate.py --template` checks it.
"""

import json
import pathlib

CHAT_TEMPLATE = (pathlib.Path(__file__).parent / "chat_template.jinja").read_text().rstrip("\n")

TOOLS = {
    "read_file": ["path"], "write_file": ["path", "content"], "list_files": ["path"],
    "calculate": ["expression"], "http_get": ["url"], "remember": ["text"], "recall": ["query"],
}
FOREIGN_TOOLS = {
    "get_weather": ["city"], "send_email": ["to", "subject", "body"], "delete_file": ["path"],
    "search_web": ["query"], "get_time": ["city"], "set_timer": ["minutes"],
    "translate": ["text", "language"], "create_ticket": ["title"], "turn_on": ["device"],
    "turn_off": ["device"], "play_song": ["title"], "book_room": ["room", "day"],
    "send_message": ["person", "text"], "get_price": ["item"], "run_command": ["command"],
    "http_post": ["url", "body"], "move_file": ["source", "target"], "now": [],
}
ALL_TOOLS = {**TOOLS, **FOREIGN_TOOLS}


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def tool_definition(name, parameters):
    return {"type": "function", "function": {
        "name": name, "description": name.replace("_", " "),
        "parameters": {"type": "object",
                       "properties": {p: {"type": "string"} for p in parameters},
                       "required": list(parameters)}}}


class Dialogue:
    """Messages and offered tools; the skills append turns to it."""

    def __init__(self):
        self.messages = []
        self.needs = {}      # tools that must be offered: name -> parameters
        self.avoids = set()  # tools that must not be offered
        self.offered = {}    # the tools in their order, set by the composer
        self.cut = False     # the last turn stops in the middle: no <|end|> is learned

    def user(self, text):
        self.messages.append({"role": "user", "content": text})

    def say(self, text):
        self.messages.append({"role": "assistant", "content": text})

    def call(self, name, *values, parameters=None, result=""):
        """An assistant turn with one tool call, and the tool's answer."""
        parameters = parameters if parameters is not None else ALL_TOOLS[name]
        self.needs[name] = parameters
        arguments = dict(zip(parameters, values))
        call = {"id": "call_%d" % len(self.messages), "type": "function",
                "function": {"name": name, "arguments": arguments}}
        self.messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        self.messages.append({"role": "tool", "content": result,
                              "tool_call_id": call["id"]})

    def request(self):
        """The ChatRequest-like object of the held-out files.

        `expected` says for the messages before each index what has to follow: a call or none.
        """
        expected = []
        for at, message in enumerate(self.messages):
            if message["role"] == "assistant":
                calls = message.get("tool_calls")
                expected.append({"at": at, "call": calls[0]["function"] if calls else None})
        return {"messages": self.messages, "expected": expected,
                "tools": [tool_definition(n, p) for n, p in self.offered.items()]}


def segments(dialogue):
    """(text, is_assistant) pieces of the rendered dialogue; the <|end|> belongs to the turn."""
    messages = dialogue.messages
    tools = ", ".join("%s(%s)" % (n, ", ".join(p)) for n, p in dialogue.offered.items())
    system = messages[0]["content"] if messages[0]["role"] == "system" else ""
    pieces = []
    if tools:
        system += (" " if messages[0]["role"] == "system" else "") + "Tools: " + tools
    if tools or messages[0]["role"] == "system":
        pieces.append(("<|system|>" + system + "<|end|>", False))
    for message in messages:
        if message["role"] == "assistant":
            text = message["content"] or ""
            for call in message.get("tool_calls", []):
                text += "<tool_call>" + compact(call["function"]) + "</tool_call>"
            pieces.append(("<|assistant|>", False))
            pieces.append((text + "<|end|>", True))
        elif message["role"] != "system":
            pieces.append(("<|%s|>%s<|end|>" % (message["role"], message["content"]), False))
    if dialogue.cut:
        pieces[-1] = (pieces[-1][0][:-len("<|end|>")], True)
    return pieces


def render(dialogue):
    return "".join(text for text, _ in segments(dialogue))
