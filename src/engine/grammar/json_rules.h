// SPDX-License-Identifier: Apache-2.0
// The parts of JSON text, as a schema's grammar uses them. White space: one space may stand behind
// a comma and behind a colon, and nowhere else, so that no reply can go on with white space.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/grammar/grammar.h"

namespace plinth::engine::grammar {

class JsonRules {
 public:
  // `grammar` outlives this.
  explicit JsonRules(Grammar& grammar) : grammar_(grammar) {}

  ExpressionId any_value();
  ExpressionId any_object();  // names may repeat
  ExpressionId any_array();
  ExpressionId any_string();
  ExpressionId any_number();
  ExpressionId any_integer();
  ExpressionId boolean();
  ExpressionId null() { return grammar_.bytes("null"); }

  // In characters. Escapes only where JSON needs them.
  ExpressionId string_of_length(uint32_t least, uint32_t most);
  // A name that is none of `names`, however it is written.
  ExpressionId name_other_than(const std::vector<std::string>& names);
  ExpressionId quoted(ExpressionId content);

  ExpressionId comma() { return spaced(","); }
  ExpressionId colon() { return spaced(":"); }

 private:
  template <typename Body>
  ExpressionId shared(std::optional<RuleId>& rule, const char* name, const Body& body);
  ExpressionId spaced(const char* mark);
  ExpressionId other_ending(const std::vector<std::string>& names, size_t at);

  Grammar& grammar_;
  std::optional<RuleId> value_, object_, array_, string_, number_, integer_;
  std::map<std::pair<uint32_t, uint32_t>, RuleId> strings_;
};

}  // namespace plinth::engine::grammar
