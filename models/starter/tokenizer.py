# SPDX-License-Identifier: Apache-2.0
"""Byte-level BPE with GPT-2's pre-tokenizer, trained on the generated text.

Merges join ASCII letters only, and the few runs of punctuation that JSON calls are made of. Spaces
and digits never merge, so a file name has the same tokens after a space, a quote or a slash, and
copying it is copying tokens.
"""

import collections
import json
import pathlib

import regex

VOCABULARY_SIZE = 1536
SPECIAL = ("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|end|>",
           "<tool_call>", "</tool_call>")
CONTROL_COUNT = 5  # the first five are control tokens, the others are shown as text
STRUCTURE = (('{', '"'), ('"', ':'), ('":', '"'), ('":', '{"'), ('"', ','), ('",', '"'),
             ('"', '}'), ('"}', '}'), ('/', '/'), (':', '//'))
PIECES = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+"
                       r"|\s+(?!\S)|\s+")
SPLIT = regex.compile("(" + "|".join(regex.escape(s) for s in SPECIAL) + ")")
FILE = pathlib.Path(__file__).parent / "tokenizer.json"


def byte_letters():
    """GPT-2's printable stand-in for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {b: chr(b) for b in plain}
    for byte in range(256):
        if byte not in letters:
            letters[byte] = chr(256 + len(letters) - len(plain))
    return letters


LETTERS = byte_letters()
BYTES = {letter: byte for byte, letter in LETTERS.items()}


def join(symbols, first, second):
    result, at = [], 0
    while at < len(symbols):
        if at + 1 < len(symbols) and symbols[at] == first and symbols[at + 1] == second:
            result.append(first + second)
            at += 2
        else:
            result.append(symbols[at])
            at += 1
    return result


def train(texts, size=VOCABULARY_SIZE):
    """The merges, most frequent pair first, ties in alphabetical order."""
    words = collections.Counter()
    for text in texts:
        for part in SPLIT.split(text):
            words.update(regex.findall("[A-Za-z]+", part))
    spelled = [[list(word), count] for word, count in sorted(words.items()) if count > 1]
    merges = list(STRUCTURE)
    pairs, where = collections.Counter(), collections.defaultdict(set)
    for i, (symbols, count) in enumerate(spelled):
        for pair in zip(symbols, symbols[1:]):
            pairs[pair] += count
            where[pair].add(i)
    while len(merges) + 256 + len(SPECIAL) < size:
        best = max(pairs, key=lambda p: (pairs[p], p))
        merges.append(best)
        for i in list(where[best]):
            symbols, count = spelled[i]
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] -= count
            spelled[i][0] = symbols = join(symbols, *best)
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += count
                where[pair].add(i)
        del pairs[best]
    return merges


class Tokenizer:
    """Encodes text with special tokens; `tokens[id]` are GPT-2 letter strings as in the GGUF."""

    def __init__(self, merges):
        self.merges = [tuple(m) for m in merges]
        self.tokens = [LETTERS[b] for b in range(256)] + [a + b for a, b in self.merges] + \
            list(SPECIAL)
        self.ids = {t: i for i, t in enumerate(self.tokens)}
        self.ranks = {m: i for i, m in enumerate(self.merges)}
        self.cache = {}
        self.end = self.ids["<|end|>"]

    def _piece(self, piece):
        symbols = [LETTERS[b] for b in piece.encode()]
        while len(symbols) > 1:
            best = min(zip(symbols, symbols[1:]), key=lambda p: self.ranks.get(p, 1 << 30))
            if best not in self.ranks:
                break
            symbols = join(symbols, *best)
        return [self.ids[s] for s in symbols]

    def encode(self, text):
        result = []
        for part in SPLIT.split(text):
            if part in SPECIAL:
                result.append(self.ids[part])
                continue
            for piece in PIECES.findall(part):
                ids = self.cache.get(piece)
                if ids is None:
                    ids = self._piece(piece)
                    if len(self.cache) < 200000:
                        self.cache[piece] = ids
                result += ids
        return result

    def decode(self, ids):
        data = b""
        for i in ids:
            token = self.tokens[i]
            data += token.encode() if token in SPECIAL else bytes(BYTES[c] for c in token)
        return data.decode(errors="replace")


def load():
    return Tokenizer(json.loads(FILE.read_text())["merges"])


def main():
    from dialogue import render
    from generate import training_dialogue
    from words import Source
    source = Source(7)
    merges = train(render(training_dialogue(source)) for _ in range(20000))
    FILE.write_text(json.dumps({"merges": merges}, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
