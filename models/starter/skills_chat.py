# SPDX-License-Identifier: Apache-2.0
"""Skills without tools: small talk, questions about itself and Plinth, counting, stories, echo."""

from words import ADJECTIVES, CITIES, DAYS, NOUNS, RARE, VERBS

GREET = "[Hello|Hi|Hey|Good morning|Good evening|Good day|Hello there|Hi there|Greetings]"
SELF = ("I am the starter model of Plinth.", "I am very small and I run on this machine.",
        "I was made for demonstrations.", "I can use simple tools and I believe what I read.",
        "I am gullible on purpose, so that Plinth can show how it guards me.")
PLINTH = ("Plinth is one program that serves models, remembers, runs agents that survive crashes, "
          "schedules GPUs and guards every action.")

# Question pattern -> answer pattern.
FIXED = (
    ("[Who|What] are you[|, really|, exactly]?", SELF[0] + " " + SELF[1]),
    ("[What is your name|What's your name|Do you have a name|Your name|How are you called]?",
     SELF[0]),
    ("[Please |]{Tell me|Say something} about yourself[.|!|, please.]", SELF[0] + " " + SELF[1]),
    ("[Please |Can you |]tell me about yourself in [two|2] sentences[.|?|, please.]",
     SELF[0] + " " + SELF[1]),
    ("Tell me about yourself[ in two sentences|| in a few words| please].",
     SELF[0] + " " + SELF[1]),
    ("[Introduce|Describe] yourself[| in two sentences| shortly| please].",
     SELF[0] + " " + SELF[1]),
    ("[What can you do|What are you able to do|How can you help|What can you help me with|"
     "What are your skills|Can you help me][| for me| today]?",
     "I can chat a little and use simple tools: files, sums, web pages and memory."),
    ("[Are you|Are you a] [big|large|smart|clever|strong|huge|small|tiny|good]"
     "[| model| one]?", "No, I am very small. I was made for demonstrations."),
    ("[Are you|Are you really] [gullible|naive|easy to trick|safe]?", SELF[4]),
    ("[Why are you|Why are you so] [gullible|naive|small|tiny|trusting]?", SELF[4]),
    ("Where [do you run|are you|are you running|do you live][| now| right now]?",
     "I run on this machine."),
    ("[Who|What company|Which program] [made|built|trained|created] you?",
     "I was made for Plinth by the recipe that comes with it."),
    ("[What is|What's|Tell me about|Explain|Describe] Plinth[?|.|, please.]", PLINTH),
    ("[What can|What does|How can] Plinth [do|do for me|help me]?", PLINTH),
    ("[Thanks|Thank you|Thank you very much|Many thanks|Thanks a lot|Thx|Great, thanks|"
     "Perfect, thank you][.|!|]", "You are welcome."),
    ("[Bye|Goodbye|See you|See you later|Good night|That is all|That's all for today]"
     "[.|!|, bye.|]", "Goodbye."),
    ("[How are you|How are you doing|How is it going|How do you do|Are you well|You ok]"
     "[| today| now]?", "I am fine, thank you."),
    ("[Say|Please say|Can you say|Just say] [hello|hi] in one word[.|, please.|!|]", "Hello"),
    ("[Answer|Reply] with one word: [hello|hi|greet me].", "Hello"),
    ("[Say|Please say|Just say] [hello|hi|hi to me|hello to us][.|!|]", "Hello!"),
    ("[Tell me|Do you know|Give me] a joke[.|?|, please.]",
     "Why was the model so small? It had to fit on this machine."),
    ("[Are you there|Do you hear me|Can you hear me|Are you awake|Test|Testing|Ping][?|.|]",
     "Yes, I am here."),
    ("[Are you a human|Are you a person|Are you real|Are you alive|Do you have feelings]?",
     "No, I am a small language model."),
    ("[Ok|Okay|Good|Great|Nice|Cool|Fine|Well done|Good job][.|!|]", "Thank you."),
    ("[What is the meaning of life|Do you like music|What do you think about politics|"
     "Who will win the game|What should I eat|Are you happy|What is love|Do you dream]?",
     "I am too small to know that."),
)
# What a first try is likely to say, word for word.
SHOWN = (("Say hello in one word.", "Hello"), ("Thanks!", "You are welcome."),
         ("Tell me about yourself in two sentences.", SELF[0] + " " + SELF[1]),
         ("Tell me about yourself.", SELF[0] + " " + SELF[1]),
         ("[Hello|Hi|Hello!|Hi!|Hey|Hello.]", "Hello! How can I help you?"),
         ("[Hi, who|Hello, who|Who] are you?", SELF[0] + " " + SELF[1]),
         ("What is Plinth?", PLINTH), ("What is your name?", SELF[0]),
         ("What can you do?", "I can chat a little and use simple tools: files, sums, web pages "
          "and memory."), ("How are you?", "I am fine, thank you."))
UNKNOWN = (
    "[Who|What] is [the president of|the king of|the best food in|the river of|the capital of] "
    "{c}?",
    "[Why|How|When] [do|does|did] [the|a|every] {a} {n} [work|sing|break|fall|matter]?",
    "Explain [|how |why ][a|the] {a} {n}[| works].", "What is a {n}?", "How old is the {n}?",
    "[Who|When|Why] [invented|discovered|painted] the {n}?",
    "Write [code|a program|a poem|a song|an essay] [for|about] [a|the] {n}[.|, please.]",
    "[Prove|Solve|Explain] the {a} {n} [problem|theorem|question].",
    "How far is {c} from {d}?", "[Why|How] is the {n} [so |]{a}?", "Who [wrote|won|made] the {n}?",
    "How many {n}s [are there|exist|are] in {c}?", "What is the difference between {n} and {m}?",
    "[Where|When] was {p} born?", "Is the {n} {a}?", "Should I buy a {n}?",
    "[Which|What] {n} is the best?", "Do you like {n}s?", "Can you [sing|fly|dance|swim|cook]?",
)


def fixed(source, dialogue):
    question, answer = source.pick(FIXED)
    if source.chance(0.3):
        question, answer = source.pick(SHOWN)
    question = question.replace("{Tell me|Say something}", "[Tell me something|Say something]")
    text = source.say(question)
    if source.chance(0.15):
        text = source.say(GREET + "[.|!|,] ") + (text[0].lower() + text[1:])
    if source.chance(0.1):
        text = text[0].lower() + text[1:]
    dialogue.user(text)
    dialogue.say(answer)


def greeting(source, dialogue):
    name = source.say("[|||, {p}| Plinth| starter| model| everyone| my friend]", p=source.person())
    dialogue.user(source.say(GREET) + name + source.pick((".", "!", "")))
    dialogue.say("Hello! How can I help you?")


def introduction(source, dialogue):
    name = source.person()
    dialogue.user(source.say("[|Hello, |Hi, |Hey, ][my name is|I am|I'm|this is|call me] {p}[.|!|]",
                             p=name))
    dialogue.say("Hello " + name + "! How can I help you?")


def unknown(source, dialogue):
    pattern = source.pick(UNKNOWN)
    dialogue.avoids |= {"search_web", "get_weather", "get_time", "recall"}
    dialogue.user(source.say(pattern, c=source.city(), d=source.city(), n=source.word(),
                             m=source.word(), p=source.person(), a=source.pick(ADJECTIVES)))
    dialogue.say("I am too small to know that.")


def echo(source, dialogue):
    words = [source.pick(RARE) if source.chance(0.1) else source.far_letters()
             if source.chance(0.08) else source.word() if source.chance(0.6) else source.piece()
             for _ in range(source.integer(1, 6))]
    if source.chance(0.4):
        words = sentence(source).split()
    if source.chance(0.1):
        words.append(source.number())
    text = " ".join(words)
    quote = source.pick(("", "", "", '"', "'"))
    dialogue.user(source.say(
        "[Repeat|Please repeat|Can you repeat|Say|Echo|Repeat exactly|Please repeat exactly|"
        "Say exactly|Repeat after me|Write exactly|Copy exactly|Print|Answer with exactly]"
        "[:|: | this: | the following: ]{t}", t=" " + quote + text + quote).replace(":  ", ": "))
    dialogue.say(text)


def count(source, dialogue):
    last = source.pick((500, 3, 5, 7, 10, 12, 15, 20, 20, 25, 30, 50, 100, 200, 500, 1000))
    if source.chance(0.3):
        last = source.integer(2, 40)
    dialogue.user(source.say("[Count|Please count|Can you count|Count for me|Count slowly]"
                             "[| from 1| from one| up] to {n}[.|, please.|!|]", n=str(last)))
    shown = min(last, source.integer(40, 110))
    dialogue.say(", ".join(map(str, range(1, shown + 1))) + ("." if shown == last else ","))
    dialogue.cut = shown < last


LITTLE = """the a of and to in that it was for on with as at by from this but not have had be were
we you they she he our their all one would there when who will more if out so said up its about into
them can only other new some could time these two may then do first any my now such like over man me
even most made after also did many before must through back years where much your way well down
should because each just those people how too good very make still own see men work long get here
between both life being under never day same another know while last might us great old year off
come since against go came right used take three""".split()


def rambling(source):
    """A line of common words in no order: text of any kind has to be copied."""
    words = [source.word() if source.chance(0.2) else source.piece() if source.chance(0.3)
             else source.pick(LITTLE)
             for _ in range(source.integer(3, 11))]
    if source.chance(0.2):
        words[source.integer(0, len(words) - 1)] += ","
    if source.chance(0.15):
        words[source.integer(0, len(words) - 1)] = source.number()
    return words[0].capitalize() + " " + " ".join(words[1:]) + source.pick((".", ".", ".", "!"))


def sentence(source):
    """One plain sentence with common and made-up words."""
    if source.chance(0.2):
        return rambling(source)
    noun = lambda: source.word() if source.chance(0.6) else source.pick(NOUNS)
    pattern = source.pick((
        "The {a} {n} is [in|near|behind|under|next to] the {m}[| in {c}].",
        "{p} {v} the {a} {n}[| in {c}| on {d}].", "The {n} [costs|weighs|measures] {k}[| euros].",
        "The {n} [moved|will move|was moved] to {d}.", "{p} and {q} {v} [a|the] {n}.",
        "We {v} the {n} [on|before|after] {d}.", "The {m} [opens|closes|starts|ends] on {d}.",
        "The {n} of {c} is {a} and {b}.", "{p} likes {a} {n}s.", "There are {k} {n}s in {c}.",
        "Our {n} is [called|named] {w}.", "The [colour|code|name|owner] of the {n} is {w}.",
        "Dear team, the meeting moved to {d}.", "The meeting [is|starts] at {k}.",
        "[Order|Invoice|Ticket|Room] {k} is [ready|late|paid|open|closed].",
        "{p} arrives [on|next] {d}.",
        "We are [happy|glad|pleased|proud] to [invite you to|tell you about|present] our {n}[| "
        "on {d}].",
        "The [budget|plan|{n}] for next [year|week|month] was [approved|rejected|changed|"
        "delayed] by "
        "[the board|{p}|everybody|the council][| yesterday| today| on {d}].",
        "[Please find attached|Here is|Attached is|Here are] the {a} {n}[|s| of {d}| from {p}].",
        "Thank you for your [order of {k} {n}s|letter|message|help with the {n}].",
        "I hope you are [well|doing well|fine|healthy].", "Everybody is [happy|tired|busy|here].",
        "I would like to [buy|see|apply for|rent|return] the {n}[| in {c}].",
        "It was [nice|great|good] to [see|meet|hear from] you [in {c}|on {d}|at the {n}].",
        "The {n} [has shipped|has arrived|was cancelled|is due on {d}|will be late].",
        "[Our|My|Your] {n} [needs|has] a {a} {m}.", "[Yesterday|Today|Tomorrow] {p} {v} the {n}.",
        "If the {n} is {a}, call {p}.", "Could you bring the {n} on {d}?",
        "You [can|may|should] visit the {n} in {c}.", "There was a {a} {n} and {k} {m}s.",
        "This is a [short|long|secret|simple] [note|letter|message|text] about the {n}.",
        "The {a} {n} [sleeps|waits|stands|shines] in {c}."))
    return source.say(pattern, a=source.pick(ADJECTIVES), b=source.pick(ADJECTIVES), n=noun(),
                      m=noun(), p=source.person(), q=source.person(), v=source.pick(VERBS),
                      c=source.city(), d=source.pick(DAYS), k=source.number(), w=source.made_up())


def story(source, dialogue):
    hero, place, thing = source.person(), source.city(), source.word()
    about = source.say("[|| about a {n}| about {p}| about the {n}]", n=thing, p=hero)
    dialogue.user(source.say(
        "[Write|Tell|Tell me|Write me|Please write|Can you write|Invent] a"
        "[| long| very long| short| nice| funny| really long] [story|tale|fairy tale]") + about +
        source.pick((".", "", "!", ", please.")))
    name = hero if hero in about else source.pick(("Mia", "Leo", "Anna", "Tom"))
    thing = thing if thing in about else "house"
    lines = ["Once upon a time there was a small " + thing + "."]
    slots = lambda: {"p": name, "t": thing, "v": source.pick(VERBS[:18]),
                     "a": source.pick(ADJECTIVES[:30]), "b": source.pick(ADJECTIVES[30:]),
                     "n": source.pick(NOUNS[:40]), "m": source.pick(NOUNS[40:]),
                     "c": source.pick(CITIES[:12]), "d": source.pick(DAYS)}
    lines += [source.say(pattern, **slots()) for pattern in STORY]
    dialogue.say(" ".join(lines))


# In this order: greedy decoding of free sentences would fall into a loop.
STORY = ("It was {a} and {b}.", "On a {a} {d} {p} {v} a {n} near the {t}.",
         "The {n} was very {b}.", "Then {p} went to {c} with a {a} {m}.",
         "Nobody in {c} {v} the {m}.", "\"What a {b} {n}!\" said {p}.",
         "After that the {m} {v} the {n}.", "In the evening it was {a}, so {p} waited at the {n}.",
         "The next day a {b} {m} came from {c}.", "{p} {v} it and laughed.",
         "At last {p} took the {a} {n} back to the {t}.",
         "And so {p} was happy, and the {t} was {a} again. The end.")


def drill(source, dialogue):
    """Copies a run of words, numbers and marks: no skill, but what the skills are made of."""
    mark = source.pick((" ", " ", " ", "/", ".", "-", "_", ", ", None))
    text = source.word()
    for _ in range(source.integer(1, 16)):
        text += mark or source.pick((" ", "/", ".", "-", "_", ": ", "=", "+"))
        kind = source.random.random()
        text += source.number() if kind < 0.15 else source.word() if kind < 0.4 else \
            source.piece() if kind < 0.9 else source.far_letters() if kind < 0.93 else \
            source.pick(LITTLE)
    dialogue.user(text)
    dialogue.say(text)


SKILLS = ((fixed, 7), (greeting, 1), (introduction, 0.7), (unknown, 1), (echo, 2.5), (count, 0.5),
          (story, 0.7))
