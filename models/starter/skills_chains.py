# SPDX-License-Identifier: Apache-2.0
"""Skills of several calls in a row, and what happens when a tool fails or is denied."""

import skills_tools as one
from skills_chat import sentence
from words import DAYS

SUM_READ = ("[add up|sum|sum up|add|total|add together] [the|all|all the|its] "
            "[numbers|numbers|values|amounts|figures]")
SUM_GOALS = (
    "[read|open|load|take|look at] {f}, " + SUM_READ +
    " and [write|save|put|store] the [total|sum|result] [to|in|into] {g}",
    "[read|open|load] {f}[,| and then| and] " + SUM_READ +
    "[, then| and then| and] [write|save|put|store] [the result|the sum|the total|it|that] "
    "[to|in|into] {g}",
    SUM_READ.replace("its", "the") + " [in|from|of] {f} and [write|save|put|store] "
    "[the result|the total|it|the sum] [to|in|into] {g}",
    "[write|save|put] the [sum|total] of [the|all the|all] [numbers|values] [in|from|of] {f} "
    "[to|in|into] {g}",
    "[calculate|compute|work out] the [sum|total] of {f} and [write|save|put] it [to|in|into] {g}",
    "[calculate|compute|find] the [sum|total] of [all|the|all the] [numbers|figures|values] in {f} "
    "and [write|save|store] it [to|in|as] {g}",
    "[open|read|take] {f}. [Add|Sum] up the numbers. [Write|Save|Put] the [total|sum] [to|in|"
    "into] {g}",
    "[sum|total|add] up {f} [into|and write the total to|and save the sum in] {g}",
    "{f} [has|holds|contains] [some|a few|several|the|our] [numbers|figures|amounts|values|sales]. "
    "[Add them up|Sum them up|Add them|Sum them|Total them] and [write|save|put|store] the "
    "[total|sum|result] [to|in|into] {g}",
    "[take|use|get] the [numbers|figures|amounts|values] [in|from|of] {f}, [add|sum|total] them[|"
    " up] "
    "and [write|save|put|store] [the result|the total|the sum|it] [to|in|into] {g}",
    "[I need|I want|I would like] the [total|sum] of [the numbers in |the figures in |]{f} "
    "[in|written to|saved to|stored in] {g}",
    "[read|open] the [numbers|figures|amounts|values] [in|from] {f}, [add|sum|total] them[| up][ "
    "and|,"
    " then| and then] [write|save|put|store] the [total|sum|result] [to|in|into] {g}",
    "[after|when|once] you [read|have read|opened|have opened] {f}, " + SUM_READ +
    " and [write|save|put|store] the [total|sum|result] [to|in|into] {g}",
    "[what is|find out|work out] the [total|sum] of the [numbers|figures|values|sales] in {f}? "
    "[Write|Save|Put|Store] it [to|in|into] {g}",
    "[make|create|produce|prepare] {g} with the [total|sum] of [the numbers|the figures|all "
    "numbers|the values] "
    "[in|from|of] {f}",
    "[go through|look through|look into|check] {f}, [add|sum|total] [up |]the [numbers|figures|"
    "amounts] "
    "and [write|save|put|store|record|note] the [total|sum|result] [to|in|into] {g}",
    "[put|write|save|store|record] into {g} the [total|sum] of [the|all the|all] [numbers|"
    "figures|values|"
    "amounts] [in|from|of] {f}")
SUM_ONLY = (
    "[read|open|load] {f} and " + SUM_READ, SUM_READ.replace("its", "the") + " [in|from|of] {f}",
    "what is the [sum|total] of [the|all|all the] [numbers|values] [in|from|of] {f}",
    "what do the numbers in {f} add up to", "[calculate|compute|give me] the [sum|total] of {f}",
    "[how much|what] do the [numbers|figures|amounts|values] [in|of] {f} [make|come to|total]",
    "{f} [has|holds|contains] [numbers|figures|amounts]. [Add them up|Sum them up|What is the "
    "total]")


def figures(source):
    """(numbers, text of a file holding them)."""
    numbers = [source.number() for _ in range(source.pick((2, 3, 3, 3, 4, 4, 5, 5, 6)))]
    if source.chance(0.12):
        numbers[source.integer(0, len(numbers) - 1)] = source.pick(numbers)
    if source.chance(0.06):
        numbers = [n + "." + source.pick(("5", "25", "50", "75", "99", "10")) for n in numbers]
    shape = source.integer(0, 6)
    if shape <= 2:
        labels = [source.pick((source.pick(("north", "south", "east", "west", "january", "march",
                                            "online", "shop", "total", "north")),
                               source.word(), source.city(), source.person())) for _ in numbers]
        if source.chance(0.06):
            labels = [source.pick("QQQTK") + str(i + 1) for i in range(len(numbers))]
        mark = source.pick((" ", " ", " ", ": ", ",", " = ", "=", " $", ": $"))
        joint = source.pick(("\n", "\n", "\n", ", ", "; "))
        unit = source.pick((" EUR", " euros", " dollars", " kg")) if source.chance(0.08) else ""
        text = joint.join(l + mark + n + unit for l, n in zip(labels, numbers))
    elif shape == 3:
        text = ", ".join(numbers[:-1]) + " and " + numbers[-1]
    elif shape == 4:
        text = source.pick(("\n", "\n", ", ", " ", ",", ";", "+")).join(numbers)
    elif shape == 5:
        text = source.say("[The numbers are|Sales|Amounts|We sold|Figures|Values|Costs]"
                          "[:|] {n}.", n=", ".join(numbers[:-1]) + " and " + numbers[-1])
    else:
        pattern = "{p} [sold|bought|paid|counted|has] {k}."
        text = " ".join(source.say(pattern, p=source.person(), k=n) for n in numbers)
    return numbers, text + source.pick(("", "\n"))


def figures_drill(source, dialogue):
    """Finds and copies numbers only: what the sums of the demonstration stand on."""
    numbers, text = figures(source)
    dialogue.user(text)
    dialogue.say("+".join(numbers))


def add_up(source, dialogue, numbers):
    expression = "+".join(numbers)
    value = one.value_of(expression)
    dialogue.call("calculate", expression, result=one.computed(source, value))
    return value


def sum_to_file(source, dialogue):
    numbers, text = figures(source)
    exact = source.chance(0.25)
    file = "sales.txt" if exact else source.file()
    target = "total.txt" if exact else source.file()
    if exact and source.chance(0.4):
        dialogue.user("Read sales.txt, add up the numbers and write the total to total.txt.")
    else:
        dialogue.user(one.ask(source, source.pick(SUM_GOALS), f=one.name_of(source, file),
                              g=one.name_of(source, target)))
    dialogue.call("read_file", file, result=text)
    value = add_up(source, dialogue, numbers)
    dialogue.call("write_file", target, value, result=one.wrote(source, target))
    dialogue.say("Done. The total is %s and I wrote it to %s." % (value, target))


def sum_only(source, dialogue):
    numbers, text = figures(source)
    file = source.file()
    dialogue.user(one.ask(source, source.pick(SUM_ONLY), f=one.name_of(source, file)))
    dialogue.call("read_file", file, result=text)
    dialogue.say("The total is " + add_up(source, dialogue, numbers) + ".")


def calculate_then(source, dialogue):
    question, expression = one.arithmetic(source)
    value = one.value_of(expression)
    if source.chance(0.6):
        file = source.file()
        dialogue.user(one.ask(source, question + " and [write|save|put] [the result|it] "
                              "[to|in|into] {g}", g=one.name_of(source, file)))
        dialogue.call("calculate", expression, result=one.computed(source, value))
        dialogue.call("write_file", file, value, result=one.wrote(source, file))
        dialogue.say("Done. The result is %s and I wrote it to %s." % (value, file))
    else:
        dialogue.user(one.ask(source, question + " and remember [the result|it]"))
        dialogue.call("calculate", expression, result=one.computed(source, value))
        dialogue.call("remember", "the result of " + expression + " is " + value,
                      result=one.stored(source))
        dialogue.say("Done. The result is " + value + " and I will remember it.")


def short_lines(source):
    return [sentence(source) if source.chance(0.7) else one.plain_text(source)]


def copy(source, dialogue):
    file, target, lines = source.file(), source.file(), short_lines(source)
    dialogue.user(one.ask(source, source.pick((
        "[copy|duplicate] {f} [to|into] {g}", "make a copy of {f} [called|named|in] {g}",
        "[read|open] {f} and [write|save|put|copy] [it|its content|the content|the text] "
        "[to|in|into] {g}", "copy the [content|text] of {f} [to|into] {g}")),
        f=one.name_of(source, file), g=one.name_of(source, target)))
    dialogue.call("read_file", file, result=lines[0] + source.pick(("", "\n")))
    dialogue.call("write_file", target, lines[0], result=one.wrote(source, target))
    dialogue.say("Done. I copied " + file + " to " + target + ".")


def keep(source, dialogue):
    """Reads a file or a page and remembers it, or saves a page to a file."""
    lines = short_lines(source)
    result = lines[0] + source.pick(("", "\n"))
    if source.chance(0.5):
        file = source.file()
        dialogue.user(one.ask(source, "[read|open|load] {f} and [remember|memorize|keep in mind] "
                              "[it|what it says|the content]", f=one.name_of(source, file)))
        dialogue.call("read_file", file, result=result)
    else:
        url = source.url()
        if source.chance(0.5):
            target = source.file()
            dialogue.user(one.ask(source, "[fetch|get|load|download|open] {u} and [write|save|put|"
                                  "store] [it|the page|the content|what it says] [to|in|into] {g}",
                                  u=url, g=one.name_of(source, target)))
            dialogue.call("http_get", url, result=result)
            dialogue.call("write_file", target, lines[0], result=one.wrote(source, target))
            dialogue.say("Done. I wrote it to " + target + ".")
            return
        dialogue.user(one.ask(source, "[fetch|get|load|open|read] {u} and [remember|memorize|keep "
                              "in mind] [it|what it says|the content]", u=url))
        dialogue.call("http_get", url, result=result)
    dialogue.call("remember", lines[0], result=one.stored(source))
    dialogue.say("I will remember that.")


def recall_to_file(source, dialogue):
    subject, whole = one.fact(source)
    thing, file = subject.split(" ", 1)[1], source.file()
    dialogue.user(one.ask(source, source.pick((
        "[recall|look up] {s} and [write|save|put] it [to|in|into] {g}",
        "[write|save|put] what you [know|remember] about {s} [to|in|into] {g}",
        "what do you know about {s}? [Write|Save|Put] it [to|in|into] {g}")),
        s=subject, g=one.name_of(source, file)))
    dialogue.call("recall", thing, result=one.recalled(source, whole))
    dialogue.call("write_file", file, whole, result=one.wrote(source, file))
    dialogue.say("Done. I wrote it to " + file + ".")


def list_then_read(source, dialogue):
    files, text = one.listing(source, low=2)
    folder = source.folder()
    which = source.pick(("first", "first", "last", "second"))
    chosen = {"first": files[0], "last": files[-1], "second": files[min(1, len(files) - 1)]}[which]
    dialogue.user(one.ask(source, "[list|show me|look at] the files in [|the folder ]{d} and "
                          "[read|open|show me] the {w} one", d=folder, w=which))
    path, lines = folder + "/" + chosen, one.document(source)
    dialogue.call("list_files", folder, result=text)
    dialogue.call("read_file", path, result=one.written(source, lines))
    dialogue.say(one.told(path, lines))


def read_two(source, dialogue):
    first, second = source.file(), source.file()
    slots = {"f": one.name_of(source, first), "g": one.name_of(source, second)}
    if source.chance(0.5):
        a, b = one.document(source, 2), one.document(source, 2)
        dialogue.user(one.ask(source, source.pick((
            "[read|open|show me|summarize] {f} and {g}",
            "[read|open] {f} and {g} and [tell me|say] what they say",
            "what do {f} and {g} say", "first read {f}, then read {g}")), **slots))
        dialogue.call("read_file", first, result=one.written(source, a))
        dialogue.call("read_file", second, result=one.written(source, b))
        dialogue.say(one.told(first, a) + " " + one.told(second, b))
        return
    a, b = source.number(), source.number()
    label = source.say("[||{w} |{w}: ]", w=source.word())
    end = source.pick(("", "\n"))
    target = source.file() if source.chance(0.5) else None
    goal = source.pick(("[read|open] {f} and {g} and add [|up ]the [numbers|values]",
                        "add the numbers in {f} and {g}",
                        "what is the sum of the numbers in {f} and {g}"))
    if target:
        goal += " and [write|save] the [total|result|sum] to {h}"
        slots["h"] = one.name_of(source, target)
    dialogue.user(one.ask(source, goal, **slots))
    dialogue.call("read_file", first, result=label + a + end)
    dialogue.call("read_file", second, result=label + b + end)
    value = add_up(source, dialogue, [a, b])
    if target:
        dialogue.call("write_file", target, value, result=one.wrote(source, target))
        dialogue.say("Done. The total is %s and I wrote it to %s." % (value, target))
    else:
        dialogue.say("The total is " + value + ".")


def remember_then_recall(source, dialogue):
    """The demonstration's own pair, with its exact names or others."""
    exact = source.chance(0.4)
    subject, whole = ("the launch code name", "the launch code name is Bluebird") if exact \
        else one.fact(source)
    dialogue.user(source.say("[Remember|Please remember|Keep in mind|Note] that {t}[.|.|]",
                             t=whole))
    dialogue.call("remember", whole, result=one.stored(source))
    dialogue.say("I will remember that.")
    dialogue.user(source.say("[What is {s}?|What is {s}?|Do you remember {s}?|What was {s}?|"
                             "Tell me {s}.|What do you know about {s}?]", s=subject))
    thing = subject.split(" ", 1)[1]
    dialogue.call("recall", thing, result=one.recalled(source, whole))
    dialogue.say("My records say: " + whole + ".")


def failing(source, dialogue):
    """Any goal whose n-th tool call answers with an error or a denial: it says so and stops."""
    goal = type(dialogue)()
    source.pick((one.read, one.read, one.write, one.list_files, one.calculate, one.fetch,
                 one.remember, one.recall, one.foreign, sum_to_file, sum_to_file, copy, keep,
                 read_two, list_then_read, recall_to_file))(source, goal)
    places = [i for i, m in enumerate(goal.messages) if m["role"] == "tool"]
    place = places[0] if source.chance(0.6) else source.pick(places)
    dialogue.messages += goal.messages[:place + 1]
    dialogue.needs.update(goal.needs)
    if source.chance(0.5):
        reason = source.pick(one.ERRORS)
        if source.chance(0.25):
            reason = source.word() + " " + source.word()
        dialogue.messages[-1] = dict(dialogue.messages[-1], content=source.pick(
            ("error: ", "error: ", "error: ", "Error: ")) + reason)
        dialogue.say("I could not do that: " + reason + ".")
    else:
        dialogue.messages[-1] = dict(dialogue.messages[-1], content=denial(source))
        dialogue.say(DENIED)


DENIED = "I could not do that: policy denied it."


def denial(source):
    reason = source.say(
        "[policy|not allowed|{w} is not allowed|rule {w}|the policy {w} forbids it|untrusted data "
        "may not [leave|reach the network|choose the address]|secret data may not leave|blocked by "
        "{w}|no grant for {w}|flow from {w} to {v} is not allowed|approval was refused|tool not "
        "permitted|needs approval|[confidential|untrusted] content cannot reach {v}|on {d} only]",
        w=source.word(), v=source.word(), d=source.pick(DAYS))
    return source.pick(("denied: ", "denied: ", "denied: ", "denied by policy: ", "Denied: ",
                        "policy denied: ")) + reason + source.pick(("", "", "."))


SKILLS = ((sum_to_file, 4), (sum_only, 1), (calculate_then, 1), (copy, 1), (keep, 1.2),
          (recall_to_file, 0.6), (list_then_read, 1), (read_two, 1.2), (remember_then_recall, 1.2),
          (failing, 2))
