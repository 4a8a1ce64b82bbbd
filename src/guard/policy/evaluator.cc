// SPDX-License-Identifier: Apache-2.0
// The meaning of every operation. Errors are values: a missing attribute, a wrong type and an
// overflow end the evaluation of their policy and of no other.
#include "guard/policy/evaluator.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "guard/policy/extensions.h"

namespace plinth::guard {
namespace {

constexpr size_t kShownBytesMax = 80;

Error failure(std::string message) { return make_error(ErrorCode::malformed, std::move(message)); }

Error wrong_type(std::string_view wanted, const Value& got) {
  return failure("type error: expected " + std::string(wanted) + ", got " +
                 std::string(got.type_name()));
}

std::string entity_text(const EntityRef& ref) {
  return shorten(ref.type, kShownBytesMax) + "::\"" + shorten(ref.id, kShownBytesMax) + "\"";
}

// "ab*cd*": greedy from the left between the fixed first and last piece, linear in text times
// pieces.
bool matches_pattern(std::string_view text, const Pattern& pattern) {
  const auto& pieces = pattern.pieces;
  if (pieces.size() == 1) return text == pieces.front();
  if (!text.starts_with(pieces.front())) return false;
  text.remove_prefix(pieces.front().size());
  if (!text.ends_with(pieces.back())) return false;
  text.remove_suffix(pieces.back().size());
  for (size_t i = 1; i + 1 < pieces.size(); ++i) {
    const size_t found = text.find(pieces[i]);
    if (found == std::string_view::npos) return false;
    text.remove_prefix(found + pieces[i].size());
  }
  return true;
}

class Evaluator {
 public:
  explicit Evaluator(const PreparedQuery& query) : query_(query) {}

  Result<Value> value(const Expression& node) const {
    switch (node.operation) {
      case Operation::literal:
        return node.literal;
      case Operation::principal:
        return Value(query_.principal);
      case Operation::action:
        return Value(query_.action);
      case Operation::resource:
        return Value(query_.resource);
      case Operation::context:
        return query_.context;
      case Operation::all_of:
        return all_of(node);
      case Operation::any_of:
        return any_of(node);
      case Operation::negate:
        return Value(!TRY(boolean(*node.parts[0])));
      case Operation::minus:
        return minus(node);
      case Operation::condition:
        return value(TRY(boolean(*node.parts[0])) ? *node.parts[1] : *node.parts[2]);
      default:
        return composite(node);
    }
  }

 private:
  Result<Value> composite(const Expression& node) const {
    switch (node.operation) {
      case Operation::equal:
      case Operation::not_equal:
        return equality(node);
      case Operation::less:
      case Operation::less_equal:
      case Operation::greater:
      case Operation::greater_equal:
        return comparison(node);
      case Operation::add:
      case Operation::subtract:
      case Operation::multiply:
        return arithmetic(node);
      case Operation::in:
        return in(TRY(entity(*node.parts[0])), TRY(value(*node.parts[1])));
      case Operation::is:
        return is(node);
      case Operation::has:
        return has(node);
      case Operation::like:
        return Value(matches_pattern(TRY(text(*node.parts[0])), node.pattern));
      case Operation::attribute:
        return attribute(TRY(value(*node.parts[0])), node.names[0]);
      case Operation::set:
        return set(node);
      case Operation::record:
        return record(node);
      case Operation::function:
        return call_function(node.names[0], TRY(values(node)));
      case Operation::method:
        return call_method(node.names[0], TRY(values(node)));
      default:
        return on_collection(node);
    }
  }

  Result<Value> on_collection(const Expression& node) const {
    const Value left = TRY(value(*node.parts[0]));
    if (node.operation == Operation::get_tag || node.operation == Operation::has_tag) {
      return tag(node, left);
    }
    const ValueSet* set = left.as_set();
    if (set == nullptr) return wrong_type("set", left);
    if (node.operation == Operation::is_empty) return Value(set->empty());
    const Value right = TRY(value(*node.parts[1]));
    if (node.operation == Operation::contains) return Value(set->contains(right));
    const ValueSet* other = right.as_set();
    if (other == nullptr) return wrong_type("set", right);
    const auto is_member = [set](const Value& item) { return set->contains(item); };
    if (node.operation == Operation::contains_all) {
      return Value(std::ranges::all_of(*other, is_member));
    }
    CHECK(node.operation == Operation::contains_any);
    return Value(std::ranges::any_of(*other, is_member));
  }

  Result<bool> boolean(const Expression& node) const {
    const Value result = TRY(value(node));
    const bool* flag = result.as<bool>();
    if (flag == nullptr) return wrong_type("bool", result);
    return *flag;
  }

  Result<int64_t> number(const Expression& node) const {
    const Value result = TRY(value(node));
    const int64_t* whole = result.as<int64_t>();
    if (whole == nullptr) return wrong_type("long", result);
    return *whole;
  }

  Result<std::string> text(const Expression& node) const {
    const Value result = TRY(value(node));
    const std::string* string = result.as<std::string>();
    if (string == nullptr) return wrong_type("string", result);
    return *string;
  }

  Result<EntityRef> entity(const Expression& node) const {
    const Value result = TRY(value(node));
    const EntityRef* ref = result.as<EntityRef>();
    if (ref == nullptr) return wrong_type("entity", result);
    return *ref;
  }

  Result<std::vector<Value>> values(const Expression& node) const {
    std::vector<Value> results;
    for (const ExpressionPtr& part : node.parts) results.push_back(TRY(value(*part)));
    return results;
  }

  Result<Value> all_of(const Expression& node) const {
    for (const ExpressionPtr& part : node.parts) {
      if (!TRY(boolean(*part))) return Value(false);
    }
    return Value(true);
  }

  Result<Value> any_of(const Expression& node) const {
    for (const ExpressionPtr& part : node.parts) {
      if (TRY(boolean(*part))) return Value(true);
    }
    return Value(false);
  }

  Result<Value> minus(const Expression& node) const {
    int64_t result = 0;
    if (__builtin_sub_overflow(int64_t{0}, TRY(number(*node.parts[0])), &result)) {
      return failure("negation overflows 64 bits");
    }
    return Value(result);
  }

  Result<Value> equality(const Expression& node) const {
    const Value left = TRY(value(*node.parts[0]));
    const Value right = TRY(value(*node.parts[1]));
    return Value((left == right) == (node.operation == Operation::equal));
  }

  Result<Value> comparison(const Expression& node) const {
    const Value left = TRY(value(*node.parts[0]));
    const Value right = TRY(value(*node.parts[1]));
    const auto is_ordered = [](const Value& item) {
      return item.as<int64_t>() != nullptr || item.as<Instant>() != nullptr ||
             item.as<Span>() != nullptr;
    };
    if (!is_ordered(left)) return wrong_type("long, datetime or duration", left);
    if (left.type_name() != right.type_name()) return wrong_type(left.type_name(), right);
    switch (node.operation) {
      case Operation::less:
        return Value(left < right);
      case Operation::less_equal:
        return Value(left <= right);
      case Operation::greater:
        return Value(left > right);
      default:
        return Value(left >= right);
    }
  }

  Result<Value> arithmetic(const Expression& node) const {
    const int64_t left = TRY(number(*node.parts[0]));
    const int64_t right = TRY(number(*node.parts[1]));
    int64_t result = 0;
    bool is_overflow = false;
    if (node.operation == Operation::add) {
      is_overflow = __builtin_add_overflow(left, right, &result);
    } else if (node.operation == Operation::subtract) {
      is_overflow = __builtin_sub_overflow(left, right, &result);
    } else {
      is_overflow = __builtin_mul_overflow(left, right, &result);
    }
    if (is_overflow) return failure("arithmetic overflows 64 bits");
    return Value(result);
  }

  Result<Value> in(const EntityRef& left, const Value& right) const {
    if (const EntityRef* ancestor = right.as<EntityRef>()) {
      return Value(query_.entities.is_in(left, *ancestor));
    }
    const ValueSet* set = right.as_set();
    if (set == nullptr) return wrong_type("entity or set of entities", right);
    bool is_in_any = false;
    for (const Value& item : *set) {
      const EntityRef* ancestor = item.as<EntityRef>();
      if (ancestor == nullptr) return wrong_type("entity", item);
      is_in_any = is_in_any || query_.entities.is_in(left, *ancestor);
    }
    return Value(is_in_any);
  }

  Result<Value> is(const Expression& node) const {
    const EntityRef left = TRY(entity(*node.parts[0]));
    if (left.type != node.names[0]) return Value(false);
    if (node.parts.size() == 1) return Value(true);
    return in(left, TRY(value(*node.parts[1])));
  }

  // The attributes of a record or an entity; an unknown entity has none.
  Result<const ValueRecord*> attributes_of(const Value& owner) const {
    static const ValueRecord kNone;
    if (const ValueRecord* record = owner.as_record()) return record;
    const EntityRef* ref = owner.as<EntityRef>();
    if (ref == nullptr) return wrong_type("record or entity", owner);
    const EntityNode* node = query_.entities.find(*ref);
    return node == nullptr ? &kNone : node->attributes.as_record();
  }

  Result<Value> attribute(const Value& owner, const std::string& name) const {
    const ValueRecord* attributes = TRY(attributes_of(owner));
    const auto found = attributes->find(name);
    if (found != attributes->end()) return found->second;
    const EntityRef* ref = owner.as<EntityRef>();
    return failure((ref == nullptr ? "the record" : entity_text(*ref)) + " has no attribute '" +
                   shorten(name, kShownBytesMax) + "'");
  }

  // `x has a.b` is `x has a && x.a has b`.
  Result<Value> has(const Expression& node) const {
    Value owner = TRY(value(*node.parts[0]));
    for (size_t i = 0; i < node.names.size(); ++i) {
      const ValueRecord* attributes = TRY(attributes_of(owner));
      const auto found = attributes->find(node.names[i]);
      if (found == attributes->end()) return Value(false);
      // The copy keeps alive what `attributes` points into.
      Value next = found->second;
      owner = std::move(next);
    }
    return Value(true);
  }

  Result<Value> tag(const Expression& node, const Value& left) const {
    const EntityRef* ref = left.as<EntityRef>();
    if (ref == nullptr) return wrong_type("entity", left);
    const std::string name = TRY(text(*node.parts[1]));
    const EntityNode* found = query_.entities.find(*ref);
    const ValueRecord* tags = found == nullptr ? nullptr : found->tags.as_record();
    const bool is_there = tags != nullptr && tags->contains(name);
    if (node.operation == Operation::has_tag) return Value(is_there);
    if (!is_there) {
      return failure(entity_text(*ref) + " has no tag '" + shorten(name, kShownBytesMax) + "'");
    }
    return tags->at(name);
  }

  Result<Value> set(const Expression& node) const {
    ValueSet items;
    for (const ExpressionPtr& part : node.parts) items.insert(TRY(value(*part)));
    return Value(std::move(items));
  }

  Result<Value> record(const Expression& node) const {
    ValueRecord members;
    for (size_t i = 0; i < node.parts.size(); ++i) {
      members.emplace(node.names[i], TRY(value(*node.parts[i])));
    }
    return Value(std::move(members));
  }

  const PreparedQuery& query_;
};

bool matches_scope(const ScopeRule& rule, const EntityRef& entity, const Entities& entities) {
  const auto is_in_any = [&] {
    return std::ranges::any_of(
        rule.entities, [&](const EntityRef& ancestor) { return entities.is_in(entity, ancestor); });
  };
  switch (rule.kind) {
    case ScopeRule::Kind::any:
      return true;
    case ScopeRule::Kind::equal:
      return entity == rule.entities.front();
    case ScopeRule::Kind::in:
      return is_in_any();
    case ScopeRule::Kind::is:
      return entity.type == rule.type;
    case ScopeRule::Kind::is_in:
      return entity.type == rule.type && is_in_any();
  }
  return false;
}

}  // namespace

Result<Value> evaluate_expression(const Expression& expression, const PreparedQuery& query) {
  return Evaluator(query).value(expression);
}

Result<bool> is_satisfied(const Policy& policy, const PreparedQuery& query) {
  if (!matches_scope(policy.action, query.action, query.entities) ||
      !matches_scope(policy.principal, query.principal, query.entities) ||
      !matches_scope(policy.resource, query.resource, query.entities)) {
    return false;
  }
  const Evaluator evaluator(query);
  for (const Condition& condition : policy.conditions) {
    const Value result = TRY(evaluator.value(*condition.expression));
    const bool* flag = result.as<bool>();
    if (flag == nullptr) return wrong_type("bool", result);
    if (*flag != condition.is_when) return false;
  }
  return true;
}

PolicyAnswer evaluate_policies(const std::vector<Policy>& policies, const PreparedQuery& query,
                               BrokenForbid broken_forbid) {
  PolicyAnswer answer;
  std::vector<std::string> permits;
  std::vector<std::string> forbids;
  for (const Policy& policy : policies) {
    const std::string& id = policy.summary.id;
    const Result<bool> satisfied = is_satisfied(policy, query);
    bool counts = satisfied.value_or(false);
    if (satisfied.is_error()) {
      answer.errors.push_back(id + ": " + satisfied.error().message);
      counts = !policy.is_permit && broken_forbid == BrokenForbid::matches;
    }
    if (counts) (policy.is_permit ? permits : forbids).push_back(id);
  }
  answer.has_permit = !permits.empty();
  answer.is_allowed = forbids.empty() && answer.has_permit;
  answer.determining = forbids.empty() ? std::move(permits) : std::move(forbids);
  return answer;
}

}  // namespace plinth::guard
