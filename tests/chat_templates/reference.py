# SPDX-License-Identifier: Apache-2.0
"""Renders chat templates with Jinja2, set up as the tools that templates are written for do it."""
import datetime
import json

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox


class Generation(jinja2.ext.Extension):
    """{% generation %} marks what the model wrote and changes nothing in what is written."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.Scope(body).set_lineno(line)


def to_json(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def refuse(message):
    raise jinja2.exceptions.TemplateError(message)


def environment(unix_s):
    made = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    moment = datetime.datetime.fromtimestamp(unix_s, datetime.timezone.utc)
    made.filters["tojson"] = to_json
    made.globals["raise_exception"] = refuse
    made.globals["strftime_now"] = moment.strftime
    return made


def render(source, bos_token, eos_token, case):
    """{"text"} or {"error"} of one conversation."""
    try:
        text = environment(case["unix_s"]).from_string(source).render(
            messages=case["messages"],
            tools=case["tools"],
            documents=None,
            add_generation_prompt=case["add_generation_prompt"],
            bos_token=bos_token,
            eos_token=eos_token,
            **(case["variables"] or {}),
        )
        text.encode("utf-8")
        return {"text": text}
    except Exception as cause:  # pylint: disable=broad-except
        return {"error": f"{type(cause).__name__}: {cause}"}
