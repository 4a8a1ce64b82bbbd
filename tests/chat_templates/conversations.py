# SPDX-License-Identifier: Apache-2.0
"""The conversations that every template is rendered over."""
UNIX_S = 1767225845  # 2026-01-01 00:04:05 UTC

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city.\nIn °C.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "The city's name"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": "integer", "minimum": 1},
                "exact": {"type": "boolean"},
                "threshold": {"type": "number", "default": 0.5},
                "tags": {"type": "array", "items": {"type": "string"}},
                "place": {
                    "type": "object",
                    "description": "Where",
                    "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}},
                    "required": ["lat"],
                },
            },
            "required": ["city", "unit"],
        },
    },
}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds <two> numbers & returns 'the' \"sum\"",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "number"}, "b": {"type": ["number", "null"]}},
            "required": ["a"],
        },
    },
}
NO_PARAMETERS = {
    "type": "function",
    "function": {"name": "now", "description": "", "parameters": {"type": "object", "properties": {}}},
}


def user(text):
    return {"role": "user", "content": text}


def system(text):
    return {"role": "system", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def call(name, arguments, number):
    return {"type": "function", "id": f"callid{number:03}", "function": {"name": name, "arguments": arguments}}


def result(name, text, number):
    return {"role": "tool", "tool_call_id": f"callid{number:03}", "name": name, "content": text}


ONE_CALL = [
    user("Weather in Ulm?"),
    assistant("", tool_calls=[call("get_weather", {"city": "Ulm", "days": 2, "exact": True}, 1)]),
    result("get_weather", '{"temperature": 21.5, "sky": "clear"}', 1),
]
TWO_CALLS = [
    system("Use tools."),
    user("Weather in Ulm, and 1.5 + 2?"),
    assistant(
        "I look it up.",
        tool_calls=[
            call("get_weather", {"city": "Ulm", "unit": "celsius", "tags": ["a", "b"], "place": {"lat": 48.4}}, 1),
            call("add", {"a": 1.5, "b": None}, 2),
        ],
    ),
    result("get_weather", "21.5 °C", 1),
    result("add", "3.5", 2),
    assistant("It is 21.5 °C, and 3.5."),
    user("Thanks!"),
]
ODD_TEXT = "  A <b>\"quoted\"</b> & 'single' line\\n\n\tÄÖÜ 日本語 🙂 {{ x }} {% if %} </s> 100%  \n"
THINKING = [
    user("2 + 2?"),
    assistant("4", reasoning_content="Two and two\nare four."),
    user("And 3 + 3?"),
    assistant("<think>\nThree and three.\n</think>\n\n6"),
    user("And 4 + 4?"),
]

# name, messages, tools, variables
CONVERSATIONS = [
    ("user", [user("Hello")], None, None),
    ("system", [system("Be brief."), user("Hello")], None, None),
    ("turns", [system("Be brief."), user("Hi"), assistant("Hello!"), user("How are you?")], None, None),
    ("ends with reply", [user("Hi"), assistant("Hello!"), user("Bye"), assistant("Good bye.")], None, None),
    ("odd text", [system(ODD_TEXT), user(ODD_TEXT), assistant(ODD_TEXT), user(ODD_TEXT)], None, None),
    ("empty text", [system(""), user(""), assistant(""), user("x")], None, None),
    ("tools", [user("Weather in Ulm?")], [WEATHER, ADD], None),
    ("system and tools", [system("Use tools."), user("What time is it?")], [NO_PARAMETERS, WEATHER], None),
    ("one call", ONE_CALL, [WEATHER], None),
    ("one call, no content", [ONE_CALL[0], {**ONE_CALL[1], "content": None}, ONE_CALL[2]], [WEATHER], None),
    ("two calls", TWO_CALLS, [WEATHER, ADD], None),
    ("calls without tools", TWO_CALLS, None, None),
    ("thinking", THINKING, None, None),
    ("thinking on", THINKING, None, {"enable_thinking": True, "thinking": True, "reasoning_effort": "high"}),
    ("thinking off", THINKING[:3], None, {"enable_thinking": False, "thinking": False}),
    (
        "thinking and calls",
        [
            user("Weather in Ulm?"),
            assistant("", reasoning_content="I need the tool.", tool_calls=ONE_CALL[1]["tool_calls"]),
            ONE_CALL[2],
            assistant("Clear.", reasoning_content="It said clear."),
            user("Thanks"),
        ],
        [WEATHER],
        None,
    ),
    (
        "parts",
        [user([{"type": "text", "text": "One. "}, {"type": "text", "text": "Two."}]), assistant("Three."), user("Four.")],
        None,
        None,
    ),
    ("two user turns", [user("a"), user("b")], None, None),
    ("reply first", [assistant("a"), user("b")], None, None),
    ("developer", [{"role": "developer", "content": "Be exact."}, user("Hello")], None, None),
    ("unknown role", [{"role": "critic", "content": "Hm."}, user("Hello")], None, None),
]


def cases():
    """Each conversation with and without the prompt for a reply."""
    made = []
    for name, messages, tools, variables in CONVERSATIONS:
        for is_prompted in (True, False):
            made.append(
                {
                    "name": name + (" + prompt" if is_prompted else ""),
                    "messages": messages,
                    "tools": tools,
                    "add_generation_prompt": is_prompted,
                    "unix_s": UNIX_S,
                    "variables": variables,
                }
            )
    return made
