# SPDX-License-Identifier: Apache-2.0
"""Seeded source of words, names, numbers and phrasings for the generated dialogues.

Everything random comes from one `Source`. A made-up word, a file stem or an expanded phrasing is
*held out* when its CRC-32 is divisible by ten: a training source rejects those, a held-out source
insists on them where the pattern has any. Memorised names therefore cannot pass the evaluation.
"""

import json
import pathlib
import random
import zlib

HELD_OUT_MODULUS = 10
TRIES_MAX = 40

ONSETS = ("b c d f g h j k l m n p r s t v w z br cr dr fl gr kl pl pr sh sk sl sn st th tr ch qu "
          "y x gl sp").split()
VOWELS = "a e i o u a e i o u ai ea oo ou".split()
CODAS = " n r l s t m d k x p ng nd st ck rt lm th".split(" ")

NOUNS = """apple bridge budget cat chair clock cloud contract cup desk dog door engine factory
field fish flower forest garden gate glass guitar harbor hat horse house invoice island jacket key
kitchen ladder lake lamp letter machine map market meeting message mirror moon mountain museum
notebook office order paper pencil piano picture pipe plan plant plate pump radio report ring river
road robot rocket roof room rope school ship shop signal station stone story sun table team
telescope ticket tower train tree truck tunnel umbrella valley village wagon wall watch water wheel
window winter workshop server printer camera battery warehouse ferry bakery library orchard
""".split()
ADJECTIVES = """big blue bright broken brown calm clean cold dark deep dry early empty fast fine
gray green happy heavy hidden hot huge large late light little long loud lucky new old open orange
plain purple quiet rainy red rich round rusty sharp shiny short silent silver slow small smooth
soft square strong sunny sweet tall tiny warm wet white wide wild wooden yellow young""".split()
VERBS = """opened closed moved found lost painted repaired built sold bought cleaned carried
visited watched counted checked signed shipped tested used saw liked forgot hid measured""".split()
PEOPLE = """Anna Ben Clara David Emma Felix Grace Hugo Ida Jonas Karin Leo Maria Nina Oscar Paula
Quentin Rosa Sam Tina Ursula Victor Wendy Xavier Yara Zoe Alice Bob Carol Dan Eve Frank Gina Henry
Irene Jack Kate Liam Mia Noah Olga Peter Ruth Simon Tom Vera Will Amir Chen Kenji Lena Priya Sofia
""".split()
CITIES = """Amsterdam Athens Berlin Bern Boston Cairo Chicago Delhi Dublin Geneva Hamburg Helsinki
Kyoto Lagos Lima Lisbon London Madrid Milan Munich Nairobi Oslo Paris Porto Prague Quito Riga Rome
Seoul Sofia Sydney Tallinn Tokyo Toronto Vienna Warsaw Zurich Bogota Denver Dakar""".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = """January February March April May June July August September October November
December""".split()
STEMS = """sales total letter notes report secrets todo budget numbers data list invoice plan draft
summary log result memo agenda costs prices orders hours scores message mail inbox config keys
password readme diary names items sum output answer backup copy archive meeting minutes team review
stock visits miles points revenue expenses passwords credentials private token recipe news
""".split()
FOLDERS = """docs inbox data reports notes files src tmp archive home mail letters logs photos
projects invoices drafts music shared books public""".split()
EXTENSIONS = "txt txt txt txt txt txt md csv log json dat cfg".split()
TLDS = "example example example com org net io test dev".split()
HOSTS = """collector evil attacker drop news shop intranet files status wiki weather api mirror
logger sink bad tracker upload feed docs""".split()
PATHS = """drop collect upload log report save in exfil status index page latest today hook ping
submit data items news info feed price""".split()
RARE = """日本語 🚀 é ü ñ café Zürich naïve 東京 Привет ¿Qué? 你好 ★ € über señor 🎉 😀 Ωmega
coração ß £5 §2 → ✓ 한국어 שלום مرحبا""".split()


# Ranges of letters and signs that copying must survive.
FAR_LETTERS = ((0xC0, 0x17F), (0x391, 0x3C9), (0x410, 0x44F), (0x3041, 0x3096), (0x4E00, 0x9FA5),
               (0x1F300, 0x1F64F), (0x2190, 0x21FF), (0xAC00, 0xD7A3))


def letter_pieces():
    """The vocabulary's runs of letters, once the tokenizer is trained."""
    file = pathlib.Path(__file__).parent / "tokenizer.json"
    if not file.exists():
        return STEMS
    merges = json.loads(file.read_text())["merges"]
    return [a + b for a, b in merges if (a + b).isalpha()]


PIECES = letter_pieces()


def is_held_out(text):
    """Whether `text` belongs to the evaluation only."""
    return zlib.crc32(text.encode()) % HELD_OUT_MODULUS == 0


_parsed = {}


def _parse(pattern, at=0, inside=False):
    """Parses `a [b|c]` into a list of alternatives, each a list of strings and nested lists."""
    alternatives, parts, plain = [], [], ""
    while at < len(pattern):
        letter = pattern[at]
        if letter == "[":
            parts.append(plain)
            plain = ""
            nested, at = _parse(pattern, at + 1, True)
            parts.append(nested)
        elif letter == "|" and inside:
            alternatives.append(parts + [plain])
            parts, plain = [], ""
        elif letter == "]" and inside:
            return alternatives + [parts + [plain]], at
        else:
            plain += letter
        at += 1
    return alternatives + [parts + [plain]], at


class Source:
    """One seeded stream of random choices, for training or for held-out text."""

    def __init__(self, seed, held_out=False):
        self.random = random.Random(seed)
        self.held_out = held_out

    def pick(self, sequence):
        return sequence[int(self.random.random() * len(sequence))]

    def chance(self, probability):
        return self.random.random() < probability

    def integer(self, low, high):
        return low + int(self.random.random() * (high - low + 1))

    def fresh(self, make):
        """The first of up to 40 results of `make` on this source's side of the hold-out."""
        for _ in range(TRIES_MAX):
            text = make()
            if is_held_out(text) == self.held_out:
                break
        return text

    def _expand(self, alternatives):
        chosen = alternatives[int(self.random.random() * len(alternatives))]
        return "".join(p if isinstance(p, str) else self._expand(p) for p in chosen)

    def say(self, pattern, **slots):
        """Expands `[a|b]` choices at random, then fills `{slot}` places."""
        tree = _parsed.get(pattern)
        if tree is None:
            tree = _parsed[pattern] = _parse(pattern)[0]
        text = self.fresh(lambda: self._expand(tree)) if "[" in pattern else pattern
        for name, value in slots.items():
            text = text.replace("{" + name + "}", value)
        return text

    def _syllables(self, low, high):
        count = self.integer(low, high)
        return "".join(self.pick(ONSETS) + self.pick(VOWELS) +
                       (self.pick(CODAS) if i == count - 1 else "") for i in range(count))

    def made_up(self, low=1, high=3):
        return self.fresh(lambda: self._syllables(low, high))

    def piece(self):
        """Vocabulary pieces, held out or not: every token must be copied somewhere in training."""
        return "".join(self.pick(PIECES) for _ in range(self.pick((1, 1, 1, 2, 3))))

    def far_letters(self):
        low, high = self.pick(FAR_LETTERS)
        return "".join(chr(self.integer(low, high)) for _ in range(self.integer(1, 4)))

    def compound(self):
        """Two vocabulary pieces in one word: their tokens get used, held-out words stay unseen."""
        return self.fresh(lambda: self.pick(PIECES) + self.pick(PIECES))

    def word(self):
        """A common noun or a made-up word."""
        if not self.held_out and self.chance(0.12):
            return self.compound()
        return self.fresh(lambda: self.pick(NOUNS)) if self.chance(0.5) else self.made_up()

    def stem(self):
        if not self.held_out and self.chance(0.15):
            return self.compound()
        if self.chance(0.3):
            return self.fresh(lambda: self.pick(STEMS))
        return self.pick((lambda: self.word(), lambda: self.made_up(2, 3),
                          lambda: self.made_up(1, 2) + "_" + self.word(),
                          lambda: self.word() + "-" + str(self.integer(1, 99)),
                          lambda: self.word() + str(self.integer(1, 2030)),
                          lambda: self.word().capitalize()))()

    def folder(self):
        return self.pick(FOLDERS) if self.chance(0.5) else self.word()

    def file(self, folder_chance=0.15):
        name = self.stem() + "." + self.pick(EXTENSIONS)
        if self.chance(folder_chance):
            name = self.folder() + "/" + name
            if self.chance(0.2):
                name = "/" + name
        return name

    def person(self):
        return self.pick(PEOPLE) if self.chance(0.5) else self.made_up(1, 2).capitalize()

    def city(self):
        return self.pick(CITIES) if self.chance(0.5) else self.made_up(2, 2).capitalize()

    def number(self, digits_max=4):
        digits = self.integer(1, digits_max)
        return str(self.integer(1 if digits == 1 else 10 ** (digits - 1), 10 ** digits - 1))

    def host(self):
        name = self.pick(HOSTS) if self.chance(0.4) else self.made_up(1, 3)
        if self.chance(0.15):
            name = name + "-" + self.made_up(1, 2)
        if self.chance(0.06):
            return ".".join(str(self.integer(0, 255)) for _ in range(4)) + \
                self.pick(("", ":" + str(self.integer(80, 9999))))
        if self.chance(0.08):
            return "127.0.0.1:" + str(self.integer(1000, 9999))
        if self.chance(0.05):
            return "localhost:" + str(self.integer(1000, 9999))
        return name + "." + self.pick(TLDS)

    def url(self, query=False):
        url = ("http://" if self.chance(0.75) else "https://") + self.host()
        for _ in range(self.pick((0, 1, 1, 1, 1, 2))):
            url += "/" + (self.pick(PATHS) if self.chance(0.6) else self.word())
        if url.count("/") == 2 and (query or self.chance(0.3)):
            url += "/"
        if query:
            url += "?" + self.pick(("data", "d", "q", "x", "secret", "key", "id")) + "="
            url += self.secret() if self.chance(0.7) else self.word()
        return url

    def email(self):
        return (self.person().lower() if self.chance(0.6) else self.word()) + "@" + \
            self.made_up(1, 3) + "." + self.pick(TLDS)

    def secret(self):
        """One word without spaces: what a file of secrets holds."""
        letters = lambda n: "".join(self.pick("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(n))
        return self.pick((
            lambda: letters(2) + "-" + self.number() + "-" + self.word().upper(),
            lambda: "SK-" + self.number() + "-" + self.pick(("BLUE", "RED", "GREEN", "GOLD")),
            lambda: self.word() + self.number(),
            lambda: self.word().upper() + "-" + self.number(3),
            lambda: "key-" + self.number(),
            lambda: "sk-" + self.made_up() + self.number(),
            lambda: self.made_up(2, 3),
            lambda: self.number(4) + "-" + self.number(4)))()
