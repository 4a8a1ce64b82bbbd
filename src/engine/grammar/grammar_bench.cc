// SPDX-License-Identifier: Apache-2.0
// The cost of a grammar per token: the mask of what is allowed, and taking a token. With a path,
// the vocabulary of that GGUF file; without, a made-up one of 150,000 tokens.
//
//   plinth_engine_grammar_bench [VOCABULARY.gguf]
#include <algorithm>
#include <cstdio>
#include <ctime>

#include "base/result.h"
#include "engine/gguf/file.h"
#include "engine/grammar/compiled_grammar.h"
#include "engine/grammar/grammar_cache.h"
#include "engine/grammar/testing/oracle.h"

namespace plinth::engine::grammar {
namespace {

struct Subject {
  const char* name;
  GrammarText text;
  const char* sample;  // a text of the grammar
};

constexpr const char* kPerson =
    R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0,"maximum":150},
    "email":{"type":"string","format":"email"},"bio":{"type":"string","maxLength":200},
    "tags":{"type":"array","items":{"type":"string","maxLength":20},"maxItems":5},
    "address":{"type":"object","properties":{"street":{"type":"string"},"city":{"type":"string"},
    "zip":{"type":"string","pattern":"^[0-9]{5}$"}},"required":["street","city"]},
    "status":{"enum":["active","inactive","pending"]}},"required":["name","age","email","status"]})";
constexpr const char* kPersonSample =
    R"({"name": "Ada Lovelace", "age": 36, "email": "ada@analytical.example", "bio": "Mathematician who wrote the first program for a machine that was never built; translated and annotated a paper.", "tags": ["mathematics", "computing", "poetry"], "address": {"street": "12 St James's Square", "city": "London", "zip": "10115"}, "status": "inactive"})";
constexpr const char* kTree =
    R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"title":{"type":"string"},
    "weight":{"type":"number"},"children":{"type":"array","items":{"$ref":"#/$defs/node"}}},"required":["title"]}}})";
constexpr const char* kTreeSample =
    R"({"title": "root", "weight": 1.5, "children": [{"title": "left", "children": [{"title": "leaf \"one\"", "weight": -0.25e3}, {"title": "leaf two", "children": []}]}, {"title": "right", "weight": 12, "children": [{"title": "deep", "children": [{"title": "deeper", "children": [{"title": "deepest"}]}]}]}]})";
constexpr const char* kAnySample =
    R"({"glossary": {"title": "example", "list": [[1, 2, [3, [4, {"a": [true, false, null]}]]], "text with words", {"k": {"k": {"k": {"k": [1.5, -2]}}}}], "empty": {}, "none": []}, "rows": [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}, {"id": 3, "v": "c"}]})";
constexpr const char* kRegex =
    R"re((?:\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z (?:INFO|WARN|ERROR) [a-z_]+(?:\.[a-z_]+)*: [^\n]{1,120}\n)+)re";
constexpr const char* kRegexSample =
    "2024-02-29T23:59:59Z INFO engine.batcher: a sequence joined the batch of 8\n"
    "2024-03-01T00:00:00Z ERROR store.journal: sync failed, the store stops writing\n";
constexpr const char* kProgram = R"gbnf(
root ::= (declaration | function)+
declaration ::= type ws name (ws? "=" ws? expression)? ";" nl
function ::= type ws name "(" (parameter ("," ws? parameter)*)? ")" ws? block nl
parameter ::= type ws name
type ::= "int" | "char" | "void" | "double" | "struct " name
block ::= "{" nl (indent statement)* indent? "}"
statement ::= declaration | name ws? "=" ws? expression ";" nl |
  "return" ws expression ";" nl |
  "if" ws? "(" expression ")" ws? block (ws? "else" ws? block)? nl |
  "while" ws? "(" expression ")" ws? block nl |
  expression ";" nl |
  "//" [^\n]* nl
expression ::= term (ws? ("+" | "-" | "==" | "<" | ">" | "<=" | ">=" | "&&" | "||") ws? term)*
term ::= factor (ws? [*/%] ws? factor)*
factor ::= [0-9]+ ("." [0-9]+)? | name | name "(" (expression ("," ws? expression)*)? ")" |
  "(" expression ")" | "\"" ([^"\\\n] | "\\" .)* "\"" | "-" factor
name ::= [A-Za-z_] [A-Za-z_0-9]*
ws ::= " "
nl ::= "\n"?
indent ::= " "*
)gbnf";
constexpr const char* kProgramSample =
    "int total = 0;\nint add(int left, int right) {\n  // sums two numbers\n  int sum = left + "
    "right * 2;\n"
    "  if (sum > 100) {\n    return limit(sum, 100);\n  } else {\n    total = total + sum;\n  }\n"
    "  while (total < 10) {\n    print(\"total is %d\\n\", total);\n  }\n  return sum;\n}\n";

const Subject kSubjects[] = {
    {"JSON object schema", {GrammarText::Kind::json_schema, kPerson}, kPersonSample},
    {"recursive schema", {GrammarText::Kind::json_schema, kTree}, kTreeSample},
    {"any JSON", {GrammarText::Kind::json_schema, "{}"}, kAnySample},
    {"log lines (regex)", {GrammarText::Kind::regex, kRegex}, kRegexSample},
    {"C-like (GBNF)", {GrammarText::Kind::gbnf, kProgram}, kProgramSample},
};

// Microseconds this thread has worked.
double worked_us() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

// Times of single tokens, in microseconds.
class Times {
 public:
  void add(double us) { us_.push_back(us); }
  void print(const char* what) {
    if (us_.empty()) return;
    std::sort(us_.begin(), us_.end());
    double sum = 0;
    for (const double us : us_) sum += us;
    std::printf("  %-22s %6zu tokens  mean %7.2f us  p50 %7.2f  p99 %7.2f  max %8.2f\n", what,
                us_.size(), sum / static_cast<double>(us_.size()), us_[us_.size() / 2],
                us_[us_.size() * 99 / 100], us_.back());
  }

 private:
  std::vector<double> us_;
};

// One token: the mask, a choice that is not timed, and taking it.
template <typename Choose>
bool step(CompiledGrammar& grammar, CompiledGrammar::Place& place, Times& times,
          const Choose& choose) {
  double begin = worked_us();
  const auto allowed = grammar.allowed(place);
  double us = worked_us() - begin;
  const std::optional<Token> token = choose(*allowed);
  if (token) {
    begin = worked_us();
    CHECK(grammar.advance(place, grammar.trie().text(*token)));
    us += worked_us() - begin;
  }
  times.add(us);
  return token.has_value();
}

// The longest allowed token that the sample goes on with.
void follow(CompiledGrammar& grammar, std::string_view sample, Times& times) {
  auto place = grammar.start();
  const TokenTrie& trie = grammar.trie();
  while (step(grammar, place, times, [&](const AllowedTokens& allowed) {
    std::optional<Token> best;
    const std::string_view rest = sample.substr(place.text().size());
    allowed.mask.for_each([&](Token token) {
      const std::string& text = trie.text(token);
      if (text.empty() || !rest.starts_with(text)) return;
      if (!best || trie.text(*best).size() < text.size()) best = token;
    });
    CHECK(best || (rest.empty() && allowed.is_end_allowed));
    return best;
  })) {
  }
}

void wander(CompiledGrammar& grammar, Random& random, Times& times) {
  auto place = grammar.start();
  for (int left = 300; left > 0; --left) {
    const bool is_going_on = step(grammar, place, times, [&](const AllowedTokens& allowed) {
      std::vector<Token> tokens;
      allowed.mask.for_each([&](Token token) {
        if (!grammar.trie().text(token).empty()) tokens.push_back(token);
      });
      return tokens.empty() ? std::optional<Token>() : tokens[random.below(tokens.size())];
    });
    if (!is_going_on) return;
  }
}

void measure(const Subject& subject, const std::shared_ptr<const TokenTrie>& trie) {
  double begin = worked_us();
  auto made = MUST(CompiledGrammar::compile(subject.text, trie), "the grammar is one of ours");
  const double compile_ms = (worked_us() - begin) / 1000;
  begin = worked_us();
  const uint64_t steps = made->prepare(GrammarCache::kPrepareSteps);
  std::printf("%s: compiled in %.1f ms (%zu nodes, %zu classes), masks in %.1f ms (%llu steps)\n",
              subject.name, compile_ms, made->node_count(), made->class_count(),
              (worked_us() - begin) / 1000, static_cast<unsigned long long>(steps));
  Times first, again, random_walk;
  follow(*made, subject.sample, first);
  for (int i = 0; i < 10; ++i) follow(*made, subject.sample, again);
  first.print("a text, first time");
  again.print("the same text again");
  SeededRandom random(1);
  for (int i = 0; i < 40; ++i) wander(*made, random, random_walk);
  random_walk.print("random tokens");
}

int run(int count, char** arguments) {
  std::shared_ptr<const TokenTrie> trie;
  if (count > 1) {
    const auto file = MUST(gguf::File::open(arguments[1]), "the path is the user's to get right");
    const auto tokenizer = MUST(Tokenizer::read(file->contents()), "the file has a vocabulary");
    const double begin = worked_us();
    trie = trie_of(*tokenizer, static_cast<int64_t>(tokenizer->vocabulary().size()));
    std::printf("trie built in %.1f ms\n", (worked_us() - begin) / 1000);
  } else {
    trie = testing::made_up_trie(150'000, 1);
  }
  std::printf("%zu tokens, %zu nodes in the trie, the longest of %zu bytes\n", trie->vocabulary(),
              trie->nodes().size(), trie->longest());
  for (const Subject& subject : kSubjects) measure(subject, trie);
  return 0;
}

}  // namespace
}  // namespace plinth::engine::grammar

int main(int count, char** arguments) { return plinth::engine::grammar::run(count, arguments); }
