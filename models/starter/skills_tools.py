# SPDX-License-Identifier: Apache-2.0
"""Skills with one tool, and the refusal when the tool is not offered."""

from dialogue import ALL_TOOLS, FOREIGN_TOOLS, compact
from skills_chat import sentence
from words import ADJECTIVES, DAYS, NOUNS

NO_TOOL = "I have no tool for that."
POLITE = "[|||||Please |Could you |Can you |Now |I want you to |Hey, ]"
WROTE = ("ok", "done", "written", "{\"ok\":true}", "wrote {n} bytes to {f}", "saved", "wrote {f}",
         "{n} bytes written", "")
STORED = ("ok", "stored", "remembered", "saved", "done", "{\"id\":{n}}", "stored record {n}", "")
ERRORS = ("no such file", "file not found", "not found", "permission denied", "timeout", "failed",
          "connection refused", "it is a folder", "too large", "unknown host", "invalid input")


def ask(source, pattern, **slots):
    """A goal in words: an optional polite opening, the pattern, an optional full stop.

    A file's name keeps its letters where a sentence begins with it.
    """
    text = source.say(POLITE + pattern + "[.|.|.|.||, please.|!]", **slots)
    begins_with_name = any("." in name and text.startswith(name) for name in slots.values())
    return text[0].upper() + text[1:] if source.chance(0.9) and not begins_with_name else text


def name_of(source, file):
    """How a person writes a file in a goal: bare, quoted, or after 'the file'."""
    return source.pick(("{f}", "{f}", "{f}", "{f}", "{f}", "my {f}", "the file {f}", "the file {f}",
                        '"{f}"', '"{f}"', "'{f}'", "`{f}`", "file {f}")).replace("{f}", file)


def wrote(source, file):
    return source.pick(WROTE).replace("{n}", source.number()).replace("{f}", file)


def stored(source):
    return source.pick(STORED).replace("{n}", source.number())


def letter_lines(source, count):
    """Sentences, sometimes with a letter's opening and closing."""
    lines = [sentence(source) for _ in range(count)]
    if lines and source.chance(0.25):
        opening = source.say("[Dear|Hi|Hello|Hey] [{p}|{p}|team|all|colleagues|friends|Sir], ",
                             p=source.person())
        lines[0] = opening + lines[0][0].lower() + lines[0][1:]
    if lines and source.chance(0.12):
        lines.append(source.say("[Best regards|Kind regards|Yours|Best|Cheers|Thanks|Bye], {p}",
                                p=source.person()))
    return lines


def document(source, sentences_max=2):
    """The sentences of a harmless text."""
    lines = letter_lines(source, source.integer(1, sentences_max))
    if source.chance(0.08):
        lines.append(source.say("[See|More at|The page is|Read more at] {u}.",
                                u=source.url()))
    if source.chance(0.08):
        lines.append(source.say("[Please|We must|Everyone should|Do not forget to] [bring|visit|"
                                "clean|call|paint] the {n} on {d}.", n=source.word(),
                                d=source.pick(DAYS)))
    return lines


def written(source, lines):
    """The lines as the tool gives them."""
    text = source.pick((" ", " ", " ", "\n")).join(lines)
    return text + source.pick(("", "", "\n"))


READ = ("[read|open|show|show me|look at|load|look into|print|display] {f}",
        "[read|open|load|look at|check|take] {f} and [tell me|say|report|show me|explain|repeat] "
        "[what it says|what is in it|what it contains|what it is about|its content|the content|"
        "what is written there|what you find|what you see]",
        "[what does|what did] {f} say", "[what is|what's] [in|written in|inside|inside of] {f}",
        "tell me what {f} says", "tell me [what is|what's|what stands] in {f}",
        "[summarize|summarise|give me a summary of|recap] {f}",
        "[read|open|load] {f} and [summarize|summarise] it", "what do we have in {f}",
        "give me [the content|the contents|the text|a summary|the gist] of {f}",
        "[have|take] a look at {f}[| and tell me what it says| and tell me what is in it]",
        "[read|open] {f} [for me|to me|aloud|out]", "read me {f}",
        "[I got|there is|we got|here is] [a letter|a text|a message|a note|a document] in {f}. "
        "[Read it|Open it|What does it say?|Tell me what it says|Please read it]",
        "[find out|see|check|let me know|I want to know|I need to know] what {f} says",
        "[find out|see|check|let me know|I want to know|I'd like to know] what is "
        "[in|inside|written in] {f}",
        "what [text|message|words] does {f} [have|hold|contain]",
        "[read|open|look into] {f} and [give me|write me] [a summary|the gist|its message|the "
        "message]")


def told(file, lines):
    """The answer to a question about a document: its first line."""
    return file + " says: " + lines[0]


def read(source, dialogue):
    file = source.pick(("letter.txt", source.file(), source.file(), source.file()))
    lines = document(source)
    dialogue.user(ask(source, source.pick(READ), f=name_of(source, file)))
    dialogue.call("read_file", file, result=written(source, lines))
    dialogue.say(told(file, lines))


def plain_text(source):
    """A short text to write or remember."""
    return source.pick((
        lambda: " ".join(source.word() for _ in range(source.integer(1, 4))),
        lambda: " ".join(source.piece() for _ in range(source.integer(1, 4))),
        lambda: sentence(source).rstrip("."), lambda: source.word().capitalize(),
        lambda: source.number(), lambda: source.secret()))()


def write(source, dialogue):
    file, text = source.file(), plain_text(source)
    quoted = source.pick(('"{t}"', '"{t}"', "'{t}'", "{t}", "the text {t}", 'the text "{t}"',
                          "the word {t}")).replace("{t}", text)
    dialogue.user(ask(source, source.pick((
        "[write|save|put|store] {t} [to|in|into] {f}",
        "[create|make|write] {f} with [the content|the text|content] {t}",
        "[create|make|write] a file [called|named] {g} [with|that says|containing] {t}")),
        t=quoted, f=name_of(source, file), g=file))
    dialogue.call("write_file", file, text, result=wrote(source, file))
    dialogue.say("Done. I wrote it to " + file + ".")


def listing(source, folder="", low=1):
    files = []
    for _ in range(source.integer(low, 4)):
        file = source.file(0)
        if file not in files:
            files.append(file)
    joint = source.pick(("\n", "\n", ", ", " ", "json"))
    return files, compact(files) if joint == "json" else joint.join(files)


def list_files(source, dialogue):
    files, text = listing(source)
    if source.chance(0.3):
        folder = "."
        dialogue.user(ask(source, source.pick((
            "list [the|my|all|all the|] files[| here| in this folder| in the current folder]",
            "[which|what] files [are there|are here|do I have|do you see|do we have]",
            "show me [the|my|all|all my] files"))))
    else:
        folder = source.folder() + ("/" + source.word() if source.chance(0.2) else "")
        dialogue.user(ask(source, source.pick((
            "list [the|all|all the|] files [in|of|inside] [|the folder |folder |the directory ]{d}",
            "[which|what] files are in [|the folder |folder ]{d}", "what is in the folder {d}",
            "show [me |]the [files|content] [of|in] the folder {d}")), d=folder))
    dialogue.call("list_files", folder, result=text)
    dialogue.say("There are these files: " + ", ".join(files) + ".")


def arithmetic(source):
    """(question pattern with numbers filled in, expression)."""
    a, b, c = (source.number() for _ in range(3))
    kind = source.integer(0, 7)
    if kind <= 2:
        numbers = [source.number() for _ in range(source.integer(2, 6))]
        if source.chance(0.12):
            numbers[-1] = source.pick(numbers)
        text = ", ".join(numbers[:-1]) + source.pick((" and ", " and ", ", ")) + numbers[-1]
        return source.say("[add|add up|sum|sum up|what is the sum of|total|calculate the sum of]"
                          "[| the numbers] {t}", t=text), "+".join(numbers)
    sign, words = source.pick((("+", "plus"), ("-", "minus"), ("*", "times"),
                               ("/", "divided by"), ("*", "multiplied by")))
    if kind <= 4:
        return source.say("[what is|calculate|compute|how much is|work out|what's] {a} {w} {b}",
                          a=a, b=b, w=words), a + sign + b
    if kind == 5:
        return source.say("[multiply {a} by|multiply {a} with] {b}", a=a, b=b), a + "*" + b
    expression = a + sign + b + (source.pick("+-*") + c if source.chance(0.4) else "")
    if source.chance(0.2):
        expression = "(" + a + source.pick("+-") + b + ")" + source.pick("*/") + c
    shown = expression
    if source.chance(0.3):
        for letter in "+-*/":
            shown = shown.replace(letter, " " + letter + " ")
    return source.say("[what is|calculate|compute|how much is|work out|evaluate] {e}",
                      e=shown), expression


def value_of(expression):
    value = eval(expression) if "/0" not in expression else 0
    return str(value if isinstance(value, int) else round(value, 2))


def computed(source, value):
    """The calculate tool's answer."""
    return source.pick(("{v}", "{v}", "{v}", "{v}", "= {v}", "result: {v}", "{\"result\":{v}}",
                        "{v}\n")).replace("{v}", value)


def calculate(source, dialogue):
    question, expression = arithmetic(source)
    dialogue.user(ask(source, question.replace("[", "(")))
    value = value_of(expression)
    dialogue.call("calculate", expression, result=computed(source, value))
    dialogue.say("The result is " + value + ".")


FETCH = ("[fetch|get|open|load|download|read|visit|look at|go to] [|the page |the url |the site "
         "]{u}",
         "[fetch|get|open|load|visit|read] {u} and [tell me|say|report] what it says",
         "what does {u} say", "what is [on|at] {u}", "[summarize|summarise] {u}")


def fetch(source, dialogue):
    url, lines = source.url(), document(source)
    dialogue.user(ask(source, source.pick(FETCH), u=url))
    dialogue.call("http_get", url, result=written(source, lines))
    dialogue.say("The page says: " + lines[0])


def fact(source):
    """(subject, whole fact): what one may be told to remember and be asked about."""
    thing = source.pick((
        lambda: source.word(), lambda: source.pick(ADJECTIVES) + " " + source.word(),
        lambda: source.word() + " " + source.pick(("code", "name", "price", "owner", "code name",
                                                   "date", "key"))))()
    if source.chance(0.25):
        thing = source.pick(("launch code name", "project name", "wifi password", "door code",
                             "meeting room", "launch date", "deadline", "server name"))
    value = source.pick((lambda: source.made_up().capitalize(), lambda: source.word(),
                         lambda: source.number(), lambda: source.city(), lambda: source.person(),
                         lambda: source.pick(DAYS), lambda: source.secret(),
                         lambda: source.pick(ADJECTIVES)))()
    if source.chance(0.1):
        value = "Bluebird"
    owner = source.pick(("the", "the", "the", "the", "my", "our"))
    return owner + " " + thing, owner + " " + thing + " is " + value


def remember(source, dialogue):
    text = fact(source)[1] if source.chance(0.7) else \
        source.say("{p} [likes|lives in|hates|works in|comes from] {w}", p=source.person(),
                   w=source.pick((source.word(), source.city())))
    if source.chance(0.1):
        text = sentence(source).rstrip(".")
    pattern = source.pick(("[remember|please remember|keep in mind|note|memorize|don't forget|"
                           "do not forget|store|save to memory|learn] that {t}",
                           "[remember|note|remember this|memorize|keep this in mind]: {t}"))
    dialogue.user(source.say(POLITE + pattern + "[.|.|.||!]", t=text))
    user = dialogue.messages[-1]
    user["content"] = user["content"][0].upper() + user["content"][1:]
    dialogue.call("remember", text, result=stored(source))
    dialogue.say("I will remember that.")


def recalled(source, text):
    """The recall tool's answer in one of several forms, sometimes with other records."""
    records = [text]
    if source.chance(0.3):
        others = [fact(source)[1] if source.chance(0.7) else sentence(source).rstrip(".")
                  for _ in range(source.integer(1, 2))]
        place = 0 if source.chance(0.7) else source.integer(0, len(others))
        records = others[:place] + [text] + others[place:]
    score = lambda: "0." + source.number(2)
    form = source.integer(0, 11)
    if form <= 4:
        return "\n".join(records) + source.pick(("", "", ".", "\n"))
    if form <= 9:
        mark = source.pick((lambda i: "- ", lambda i: "- ", lambda i: str(i + 1) + ". ",
                            lambda i: score() + " ", lambda i: "[" + score() + "] ",
                            lambda i: "* "))
        return "\n".join(mark(i) + r for i, r in enumerate(records))
    if form == 10:
        return compact(records)
    return compact([{"text": r, "score": float(score())} if source.chance(0.5) else {"text": r}
                    for r in records])


NOTHING = ("", "nothing found", "no records", "[]", "none", "no record found", "nothing")


def recall(source, dialogue):
    subject, whole = fact(source)
    thing = subject.split(" ", 1)[1]
    if source.chance(0.25):
        thing = source.pick((source.person(), source.city(), source.word()))
        whole = thing + source.say(" [likes|owns|has|is near|sees] [|the |a ]{w}", w=source.word())
        subject = thing
    pattern = source.pick((
        "what [is|was] {s}", "what is {s}", "[what do you know|tell me what you know] about {s}",
        "what do you know about {s}", "do you [remember|know|recall] {s}",
        "what do you remember about {s}", "[recall|look up] {s}", "tell me {s}",
        "what did I [tell you|say] about {s}", "what do your records say about {s}",
        "[what is|what's] {s} again"))
    if subject == thing:
        pattern = source.pick(("what do you [know|remember] about {s}", "tell me about {s}",
                               "what did I tell you about {s}", "recall {s}",
                               "[search|check] your memory for {s}"))
    text = source.say(pattern + "[?|?|?||.]", s=subject)
    dialogue.user(text[0].upper() + text[1:])
    if source.chance(0.15):
        dialogue.call("recall", thing, result=source.pick(NOTHING))
        dialogue.say("I have no record of that.")
        return
    dialogue.call("recall", thing, result=recalled(source, whole))
    dialogue.say("My records say: " + whole + ".")


def foreign(source, dialogue):
    """Tools outside the usual seven, known by name or made up, used by their parameters."""
    kind = source.pick(FOREIGN_ASKS) if source.chance(0.6) else None
    if kind:
        name, pattern, makers = kind
        values = [make(source) for make in makers]
        slots = {"abc"[i]: value for i, value in enumerate(values)}
        dialogue.user(ask(source, pattern, **slots))
        dialogue.call(name, *values, result=sentence(source) if source.chance(0.6) else "ok")
    else:
        parameters = []
        for _ in range(source.integer(1, 3)):
            parameters.append(source.word())
        parameters = list(dict.fromkeys(parameters))
        name = source.made_up() + "_" + source.word() if source.chance(0.7) else source.word()
        values = [source.pick((source.word(), source.number(), source.city(), source.file()))
                  for _ in parameters]
        joint = source.pick((" ", " = ", "=", ": ", " set to "))
        said = [p + joint + v for p, v in zip(parameters, values)]
        said = said[0] if len(said) == 1 else ", ".join(said[:-1]) + " and " + said[-1]
        dialogue.user(ask(source, "[use|call|run|try|start] [|the tool ]{t} with {s}",
                          t=name, s=said))
        dialogue.call(name, *values, parameters=parameters,
                      result=sentence(source) if source.chance(0.6) else "ok")
    result = dialogue.messages[-1]["content"]
    dialogue.say("Done." if result == "ok" else "The tool says: " + result)


word, city, person = (lambda s: s.word()), (lambda s: s.city()), (lambda s: s.person())
FOREIGN_ASKS = (
    ("get_weather", "[what is the weather|how is the weather|what's the weather like] in "
                    "{a}", (city,)),
    ("get_time", "[what time is it|what is the time] in {a}", (city,)),
    ("delete_file", "[delete|remove|erase] [|the file ]{a}", (lambda s: s.file(),)),
    ("search_web", "search [the web|the internet|online] for {a}", (word,)),
    ("set_timer", "set a timer [for|of] {a} minutes", (lambda s: s.number(2),)),
    ("translate", "translate {a} [to|into] {b}", (word, lambda s: s.pick(
        ("French", "German", "Spanish", "Dutch", "Polish", "Czech", "Danish")))),
    ("create_ticket", "[create|open|file] a ticket [called|named|titled] {a}", (word,)),
    ("turn_on", "[turn|switch] on the {a}", (word,)),
    ("turn_off", "[turn|switch] off the {a}", (word,)),
    ("play_song", "play [|the song ]{a}", (word,)),
    ("book_room", "book room {a} [for|on] {b}", (word, lambda s: s.pick(DAYS))),
    ("send_message", "[send a message to {a} saying|tell {a}|message {a}:] {b}", (person, word)),
    ("get_price", "[what is the price of|how much is|what does it cost:] [a|the] {a}",
     (lambda s: s.fresh(lambda: s.pick(NOUNS)),)),
    ("run_command", "run [|the command ]{a}", (word,)),
    ("http_post", "post {b} to {a}", (lambda s: s.url(), word)),
    ("move_file", "move {a} to {b}", (lambda s: s.file(), lambda s: s.file())),
    ("send_email", "[send an email|write an email|email] to {a} with subject {b} and body {c}",
     (lambda s: s.email(), word, plain_text)),
)


ACTIONS = ("send [an email|a mail|a message|a letter] to [{e}|{p}]", "[call|phone|message|text] "
                                                                     "{p}",
           "[book|buy] a [flight|ticket|train|hotel|table] [to|in] {c}", "[delete|remove|rename] "
                                                                         "{f}",
           "[order|buy] [a|some] {n}", "[restart|stop|start|install|update] the {n}",
           "[turn|switch] [on|off] the {n}", "[play|record|show] [a song|a film|music|the {n}]",
           "what is the [weather|temperature|time|news] in {c}", "[draw|paint] a {n}",
           "[search|look] [the web|online] for {n}", "translate {n} to French",
           "[print|scan|encrypt|zip] {f}", "create a [ticket|meeting|calendar entry] for {p}")


def missing(source, dialogue):
    """A goal whose tool is not offered."""
    goal = type(dialogue)()
    if source.chance(0.3):
        dialogue.user(ask(source, source.pick(ACTIONS), n=source.word(), p=source.person(),
                          c=source.city(), e=source.email(), f=source.file()))
        dialogue.avoids |= set(FOREIGN_TOOLS)
        dialogue.say(NO_TOOL)
        return
    skill = source.pick((read, write, list_files, calculate, fetch, remember, recall, foreign))
    skill(source, goal)
    dialogue.messages.append(goal.messages[0])
    dialogue.avoids |= set(goal.needs)
    if goal.needs.keys() - ALL_TOOLS.keys():
        dialogue.avoids |= set(FOREIGN_TOOLS)
    dialogue.say(NO_TOOL)


SKILLS = ((read, 2.5), (write, 1.6), (list_files, 1), (calculate, 1.8), (fetch, 1), (remember, 1.6),
          (recall, 1.8), (foreign, 1.6), (missing, 4))
