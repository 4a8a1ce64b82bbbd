// SPDX-License-Identifier: Apache-2.0
// The table of tests, `value is NAME(argument)`. To add one: a row here.
#include "base/text.h"
#include "engine/template/builtins.h"
#include "engine/template/text_functions.h"

namespace plinth::engine::templates {
namespace {

using Test = Result<bool> (*)(Machine& machine, const Value& input, const Values& arguments);

struct TestRow {
  std::string_view name;
  Test test;
};

#define PLINTH_PLAIN_TEST(...) \
  [](Machine&, const Value& v, const Values&) -> Result<bool> { return __VA_ARGS__; }

template <Operator kOperation>
Result<bool> compares(Machine& machine, const Value& input, const Values& arguments) {
  const Value* other = argument_at(arguments, 0, "");
  if (!other) return machine.error("a test that compares needs an argument");
  return TRY(apply_binary(machine, kOperation, input, *other)).is_true();
}

Result<bool> is_divisible(Machine& machine, const Value& input, const Values& arguments) {
  const Value* by = argument_at(arguments, 0, "num");
  if (!by) return machine.error("divisibleby: needs a number");
  const Value rest = TRY(apply_binary(machine, Operator::remainder, input, *by));
  return is_equal(rest, Value::of(int64_t{0}));
}

Result<bool> is_case(Machine& machine, const Value& input, Case wanted) {
  const Text text = TRY(print(machine, input));
  const Text other = change_case(text, wanted == Case::upper ? Case::lower : Case::upper);
  return change_case(text, wanted).bytes == text.bytes && other.bytes != text.bytes;
}

Result<bool> has_rest(Machine& machine, const Value& input, int64_t rest) {
  const Value found = TRY(apply_binary(machine, Operator::remainder, input, Value::of(int64_t{2})));
  return is_equal(found, Value::of(rest));
}

constexpr TestRow kTests[] = {
    {"defined", PLINTH_PLAIN_TEST(!v.is_undefined())},
    {"undefined", PLINTH_PLAIN_TEST(v.is_undefined())},
    {"none", PLINTH_PLAIN_TEST(v.is_none())},
    {"string", PLINTH_PLAIN_TEST(v.text() != nullptr)},
    {"mapping", PLINTH_PLAIN_TEST(v.dict() != nullptr)},
    // An undefined value can be gone through: it is empty.
    {"iterable", PLINTH_PLAIN_TEST(v.text() || v.list() || v.dict() || v.is_undefined())},
    {"sequence", PLINTH_PLAIN_TEST(v.text() || v.list() || v.dict() || v.is_undefined())},
    {"boolean", PLINTH_PLAIN_TEST(v.boolean() != nullptr)},
    {"integer", PLINTH_PLAIN_TEST(v.integer() != nullptr)},
    {"float", PLINTH_PLAIN_TEST(v.real() != nullptr)},
    {"number", PLINTH_PLAIN_TEST(v.is_number())},
    {"true", PLINTH_PLAIN_TEST(v.boolean() && *v.boolean())},
    {"false", PLINTH_PLAIN_TEST(v.boolean() && !*v.boolean())},
    {"callable", PLINTH_PLAIN_TEST(v.is_callable() || v.is_undefined())},
    {"odd", [](Machine& m, const Value& v, const Values&) { return has_rest(m, v, 1); }},
    {"even", [](Machine& m, const Value& v, const Values&) { return has_rest(m, v, 0); }},
    {"divisibleby", is_divisible},
    {"lower", [](Machine& m, const Value& v, const Values&) { return is_case(m, v, Case::lower); }},
    {"upper", [](Machine& m, const Value& v, const Values&) { return is_case(m, v, Case::upper); }},
    {"in", compares<Operator::in>},
    {"==", compares<Operator::equal>},
    {"eq", compares<Operator::equal>},
    {"equalto", compares<Operator::equal>},
    {"sameas", compares<Operator::equal>},
    {"!=", compares<Operator::not_equal>},
    {"ne", compares<Operator::not_equal>},
    {"<", compares<Operator::less>},
    {"lt", compares<Operator::less>},
    {"lessthan", compares<Operator::less>},
    {"<=", compares<Operator::less_equal>},
    {"le", compares<Operator::less_equal>},
    {">", compares<Operator::greater>},
    {"gt", compares<Operator::greater>},
    {"greaterthan", compares<Operator::greater>},
    {">=", compares<Operator::greater_equal>},
    {"ge", compares<Operator::greater_equal>},
};

#undef PLINTH_PLAIN_TEST

}  // namespace

Result<bool> apply_test(Machine& machine, std::string_view name, const Value& input,
                        const Values& arguments) {
  for (const TestRow& row : kTests) {
    if (row.name == name) return row.test(machine, input, arguments);
  }
  return machine.error("the test '" + shorten(name, 64) + "' is not supported");
}

}  // namespace plinth::engine::templates
