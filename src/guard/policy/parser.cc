// SPDX-License-Identifier: Apache-2.0
// Policies: annotations, effect, head and conditions.
#include "guard/policy/parser.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "guard/policy/expression_parser.h"
#include "guard/policy/token_reader.h"

namespace plinth::guard {
namespace {

constexpr size_t kAnnotationsMax = 256;
constexpr size_t kScopeEntitiesMax = 1024;
constexpr size_t kConditionsMax = 64;

Result<EntityRef> scope_entity(TokenReader& tokens) {
  if (tokens.is_symbol("?")) {
    return tokens.error("templates (?principal, ?resource) are not supported; name the entity");
  }
  return tokens.entity();
}

Status annotations(TokenReader& tokens, Policy& policy) {
  auto& list = policy.summary.annotations;
  while (tokens.take_symbol("@")) {
    if (list.size() >= kAnnotationsMax) return tokens.error("a policy has at most 256 annotations");
    if (tokens.peek().kind != TokenKind::identifier) return tokens.expected("an annotation's name");
    PolicyAnnotation annotation{std::string(tokens.take().text), ""};
    if (tokens.take_symbol("(")) {
      annotation.value = TRY(tokens.text_string("an annotation's value in quotes"));
      TRY(tokens.expect_symbol(")"));
    }
    if (std::ranges::find(list, annotation.key, &PolicyAnnotation::key) != list.end()) {
      return tokens.error("the annotation @" + annotation.key + " stands twice");
    }
    list.push_back(std::move(annotation));
  }
  return ok();
}

// principal | principal == E | principal in E | principal is T [in E]
Result<ScopeRule> party_rule(TokenReader& tokens, std::string_view variable) {
  TRY(tokens.expect_word(variable));
  ScopeRule rule;
  if (tokens.take_symbol("==")) {
    rule.kind = ScopeRule::Kind::equal;
    rule.entities.push_back(TRY(scope_entity(tokens)));
  } else if (tokens.take_word("in")) {
    rule.kind = ScopeRule::Kind::in;
    rule.entities.push_back(TRY(scope_entity(tokens)));
  } else if (tokens.take_word("is")) {
    rule.kind = ScopeRule::Kind::is;
    rule.type = TRY(tokens.type_path());
    if (tokens.take_word("in")) {
      rule.kind = ScopeRule::Kind::is_in;
      rule.entities.push_back(TRY(scope_entity(tokens)));
    }
  }
  return rule;
}

// action | action == E | action in E | action in [E, …]
Result<ScopeRule> action_rule(TokenReader& tokens) {
  TRY(tokens.expect_word("action"));
  ScopeRule rule;
  if (tokens.take_symbol("==")) {
    rule.kind = ScopeRule::Kind::equal;
    rule.entities.push_back(TRY(scope_entity(tokens)));
    return rule;
  }
  if (!tokens.take_word("in")) return rule;
  rule.kind = ScopeRule::Kind::in;
  if (!tokens.take_symbol("[")) {
    rule.entities.push_back(TRY(scope_entity(tokens)));
    return rule;
  }
  while (!tokens.take_symbol("]")) {
    if (rule.entities.size() >= kScopeEntitiesMax) {
      return tokens.error("a list of actions has at most 1024 entries");
    }
    rule.entities.push_back(TRY(scope_entity(tokens)));
    if (!tokens.is_symbol("]")) TRY(tokens.expect_symbol(","));
  }
  return rule;
}

Status head(TokenReader& tokens, Policy& policy) {
  if (tokens.take_word("permit")) {
    policy.is_permit = true;
  } else if (tokens.take_word("forbid")) {
    policy.is_permit = false;
  } else {
    return tokens.expected("permit or forbid");
  }
  policy.summary.effect = policy.is_permit ? "permit" : "forbid";
  TRY(tokens.expect_symbol("("));
  policy.principal = TRY(party_rule(tokens, "principal"));
  TRY(tokens.expect_symbol(","));
  policy.action = TRY(action_rule(tokens));
  TRY(tokens.expect_symbol(","));
  policy.resource = TRY(party_rule(tokens, "resource"));
  tokens.take_symbol(",");
  return tokens.expect_symbol(")");
}

Status conditions(TokenReader& tokens, Policy& policy) {
  while (tokens.is_word("when") || tokens.is_word("unless")) {
    if (policy.conditions.size() >= kConditionsMax) {
      return tokens.error("a policy has at most 64 conditions");
    }
    Condition condition;
    condition.is_when = tokens.take().text == "when";
    TRY(tokens.expect_symbol("{"));
    condition.expression = TRY(parse_expression(tokens));
    TRY(tokens.expect_symbol("}"));
    policy.conditions.push_back(std::move(condition));
  }
  return ok();
}

Result<Policy> policy_at(TokenReader& tokens) {
  Policy policy;
  const size_t start = tokens.offset();
  TRY(annotations(tokens, policy));
  TRY(head(tokens, policy));
  TRY(conditions(tokens, policy));
  const size_t end = tokens.offset() + 1;
  TRY(tokens.expect_symbol(";"));
  policy.summary.text = std::string(tokens.source().substr(start, end - start));
  return policy;
}

}  // namespace

Result<std::vector<Policy>> parse_policies(std::string_view text) {
  if (text.size() > PolicySet::kTextBytesMax) {
    return make_error(ErrorCode::too_large,
                      "policy: the text is over 1 MiB; split it into several texts");
  }
  if (!is_utf8(text)) return make_error(ErrorCode::malformed, "policy: the text is not UTF-8");
  const std::vector<Token> tokens = TRY(tokenize(text));
  TokenReader reader(text, tokens);
  std::vector<Policy> policies;
  std::set<std::string> ids;
  while (!reader.is_at_end()) {
    if (policies.size() >= PolicySet::kPoliciesMax) {
      return make_error(ErrorCode::too_large, "policy: more than 10000 policies in one text");
    }
    const TokenReader before = reader;
    Policy policy = TRY(policy_at(reader));
    policy.summary.id = "policy" + std::to_string(policies.size());
    for (const PolicyAnnotation& annotation : policy.summary.annotations) {
      if (annotation.key == "id") policy.summary.id = annotation.value;
    }
    if (policy.summary.id.empty() || !ids.insert(policy.summary.id).second) {
      return before.error("the id '" + shorten(policy.summary.id, 80) +
                          "' is empty or stands twice; ids must differ");
    }
    policies.push_back(std::move(policy));
  }
  return policies;
}

}  // namespace plinth::guard
