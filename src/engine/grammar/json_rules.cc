// SPDX-License-Identifier: Apache-2.0
#include "engine/grammar/json_rules.h"

#include <algorithm>

#include "engine/grammar/front_ends.h"
#include "engine/grammar/number_ranges.h"

namespace plinth::engine::grammar {

template <typename Body>
ExpressionId JsonRules::shared(std::optional<RuleId>& rule, const char* name, const Body& body) {
  if (!rule) {
    rule = grammar_.add_rule(name);
    grammar_.set_body(*rule, body());
  }
  return grammar_.call(*rule);
}

ExpressionId JsonRules::spaced(const char* mark) {
  return grammar_.sequence({grammar_.bytes(mark), grammar_.optional(grammar_.bytes(" "))});
}

ExpressionId JsonRules::quoted(ExpressionId content) {
  return grammar_.sequence({grammar_.bytes("\""), content, grammar_.bytes("\"")});
}

ExpressionId JsonRules::boolean() {
  return grammar_.choice({grammar_.bytes("true"), grammar_.bytes("false")});
}

ExpressionId JsonRules::any_value() {
  return shared(value_, "any JSON value", [&] {
    return grammar_.choice(
        {any_object(), any_array(), any_string(), any_number(), boolean(), null()});
  });
}

ExpressionId JsonRules::any_object() {
  return shared(object_, "any JSON object", [&] {
    const ExpressionId member = grammar_.sequence({any_string(), colon(), any_value()});
    return grammar_.sequence({grammar_.bytes("{"),
                              grammar_.joined({{member, false, true}}, comma()),
                              grammar_.bytes("}")});
  });
}

ExpressionId JsonRules::any_array() {
  return shared(array_, "any JSON array", [&] {
    return grammar_.sequence({grammar_.bytes("["),
                              grammar_.joined({{any_value(), false, true}}, comma()),
                              grammar_.bytes("]")});
  });
}

// With all escapes of JSON, but for halves of surrogate pairs that stand alone.
ExpressionId JsonRules::any_string() {
  return shared(string_, "any JSON string", [&] {
    Grammar& g = grammar_;
    const CharacterSet special{{0, 0x1f}, {'"', '"'}, {'\\', '\\'}};
    const auto set = [&](std::initializer_list<CharacterRange> ranges) {
      return g.characters(CharacterSet(ranges));
    };
    const auto hex = [&] { return set({{'0', '9'}, {'A', 'F'}, {'a', 'f'}}); };
    const auto d = [&] { return set({{'D', 'D'}, {'d', 'd'}}); };
    const ExpressionId plain =
        g.choice({g.sequence({set({{'0', '9'}, {'A', 'C'}, {'E', 'F'}, {'a', 'c'}, {'e', 'f'}}),
                              hex(), hex(), hex()}),
                  g.sequence({d(), set({{'0', '7'}}), hex(), hex()})});
    const ExpressionId pair =
        g.sequence({d(), set({{'8', '9'}, {'A', 'B'}, {'a', 'b'}}), hex(), hex(), g.bytes("\\u"),
                    d(), set({{'C', 'F'}, {'c', 'f'}}), hex(), hex()});
    const ExpressionId escape = g.choice({set({{'"', '"'},
                                               {'\\', '\\'},
                                               {'/', '/'},
                                               {'b', 'b'},
                                               {'f', 'f'},
                                               {'n', 'n'},
                                               {'r', 'r'},
                                               {'t', 't'}}),
                                          g.sequence({g.bytes("u"), g.choice({plain, pair})})});
    const ExpressionId one =
        g.choice({g.characters(special.complement()), g.sequence({g.bytes("\\"), escape})});
    return quoted(g.repeat(one, 0, kUnbounded));
  });
}

ExpressionId JsonRules::any_integer() {
  return shared(integer_, "any JSON integer", [&] {
    return add_number_between(grammar_, NumberKind::integer, std::nullopt, std::nullopt);
  });
}

// Two digits of exponent keep every number finite.
ExpressionId JsonRules::any_number() {
  return shared(number_, "any JSON number", [&] {
    Grammar& g = grammar_;
    const auto digits = [&](uint32_t least, uint32_t most) {
      return g.repeat(g.characters({{'0', '9'}}), least, most);
    };
    const ExpressionId whole = g.choice(
        {g.bytes("0"), g.sequence({g.characters({{'1', '9'}}), digits(0, kIntegerDigitsMax - 1)})});
    const ExpressionId fraction = g.sequence({g.bytes("."), digits(1, kFractionDigitsMax)});
    const ExpressionId exponent =
        g.sequence({g.characters({{'E', 'E'}, {'e', 'e'}}),
                    g.optional(g.characters({{'+', '+'}, {'-', '-'}})), digits(1, 2)});
    return g.sequence(
        {g.optional(g.bytes("-")), whole, g.optional(fraction), g.optional(exponent)});
  });
}

ExpressionId JsonRules::string_of_length(uint32_t least, uint32_t most) {
  const auto [found, is_new] = strings_.try_emplace({least, most}, 0);
  if (is_new) {
    const RuleId rule = grammar_.add_rule("JSON string of bounded length");
    found->second = rule;
    const ExpressionId one = add_characters(grammar_, CharacterSet::all(), Writing::json_string);
    grammar_.set_body(rule, quoted(grammar_.repeat(one, least, most)));
  }
  return grammar_.call(found->second);
}

ExpressionId JsonRules::name_other_than(const std::vector<std::string>& names) {
  if (names.empty()) return any_string();
  std::vector<std::string> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  return quoted(other_ending(sorted, 0));
}

// Texts that none of the names ends in, where all names agree up to `at`: those that leave the
// names' common paths, and those that stop on the way.
ExpressionId JsonRules::other_ending(const std::vector<std::string>& names, size_t at) {
  std::map<uint32_t, std::vector<std::string>> by_next;
  bool is_name = false;
  size_t behind = at;
  for (const std::string& name : names) {
    if (name.size() == at) {
      is_name = true;
      continue;
    }
    behind = at;
    by_next[next_character(name, behind)].push_back(name);
  }
  std::vector<ExpressionId> parts;
  if (!is_name) parts.push_back(grammar_.sequence({}));
  CharacterSet taken;
  for (const auto& [code, below] : by_next) {
    const CharacterSet one{{code, code}};
    taken = taken.united(one);
    behind = at;
    next_character(below[0], behind);
    parts.push_back(grammar_.sequence(
        {add_characters(grammar_, one, Writing::json_string), other_ending(below, behind)}));
  }
  const auto any = [&](const CharacterSet& set) {
    return add_characters(grammar_, set, Writing::json_string);
  };
  parts.push_back(grammar_.sequence(
      {any(taken.complement()), grammar_.repeat(any(CharacterSet::all()), 0, kUnbounded)}));
  return grammar_.choice(std::move(parts));
}

}  // namespace plinth::engine::grammar
