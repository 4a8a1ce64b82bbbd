// SPDX-License-Identifier: Apache-2.0
#include "engine/grammar/grammar.h"

#include "base/check.h"

namespace plinth::engine::grammar {

Error grammar_error(const std::string& cause) {
  return make_error(ErrorCode::invalid_argument, "grammar: " + cause, "grammar");
}

ExpressionId Grammar::add(Expression expression) {
  expressions_.push_back(std::move(expression));
  return static_cast<ExpressionId>(expressions_.size() - 1);
}

ExpressionId Grammar::bytes(std::string_view text) {
  Expression added;
  added.kind = Expression::Kind::bytes;
  added.bytes = text;
  return add(std::move(added));
}

ExpressionId Grammar::characters(CharacterSet set) {
  Expression added;
  added.kind = Expression::Kind::characters;
  added.characters = std::move(set);
  return add(std::move(added));
}

ExpressionId Grammar::sequence(std::vector<ExpressionId> parts) {
  if (parts.size() == 1) return parts[0];
  Expression added;
  added.kind = Expression::Kind::sequence;
  added.parts = std::move(parts);
  return add(std::move(added));
}

ExpressionId Grammar::choice(std::vector<ExpressionId> parts) {
  if (parts.size() == 1) return parts[0];
  Expression added;
  added.kind = Expression::Kind::choice;
  added.parts = std::move(parts);
  return add(std::move(added));
}

ExpressionId Grammar::repeat(ExpressionId part, uint32_t least, uint32_t most) {
  CHECK(least <= most);
  Expression added;
  added.kind = Expression::Kind::repeat;
  added.parts = {part};
  added.least = least;
  added.most = most;
  return add(std::move(added));
}

ExpressionId Grammar::joined(std::vector<JoinedItem> items, ExpressionId separator) {
  for (size_t i = 0; i + 1 < items.size(); ++i) CHECK(!items[i].is_repeated);
  Expression added;
  added.kind = Expression::Kind::joined;
  added.items = std::move(items);
  added.parts = {separator};
  return add(std::move(added));
}

ExpressionId Grammar::call(RuleId rule) {
  Expression added;
  added.kind = Expression::Kind::call;
  added.rule = rule;
  return add(std::move(added));
}

RuleId Grammar::add_rule(std::string name) {
  rules_.push_back({std::move(name), 0});
  return static_cast<RuleId>(rules_.size() - 1);
}

Status Grammar::check_size() const {
  if (rules_.size() > kRulesMax) {
    return grammar_error(std::to_string(rules_.size()) + " rules; at most " +
                         std::to_string(kRulesMax) + " are taken");
  }
  if (expressions_.size() > kExpressionsMax) {
    return grammar_error(std::to_string(expressions_.size()) + " parts; at most " +
                         std::to_string(kExpressionsMax) + " are taken");
  }
  return ok();
}

}  // namespace plinth::engine::grammar
