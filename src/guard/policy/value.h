// SPDX-License-Identifier: Apache-2.0
// Values of the policy language: typed, totally ordered, cheap to copy (sets and records are
// shared).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <variant>

#include "base/json.h"
#include "base/result.h"
#include "guard/policy.h"

namespace plinth::guard {

// Four digits after the point: units of 1/10000.
struct Decimal {
  int64_t units = 0;
  auto operator<=>(const Decimal&) const = default;
};

// An address or a range of addresses; an address is the range of itself.
struct IpRange {
  bool is_v6 = false;
  std::array<uint8_t, 16> address{};  // the first 4 bytes for version 4
  uint8_t prefix = 0;                 // bits that are fixed
  auto operator<=>(const IpRange&) const = default;
};

struct Instant {
  int64_t unix_ms = 0;
  auto operator<=>(const Instant&) const = default;
};

struct Span {
  int64_t ms = 0;
  auto operator<=>(const Span&) const = default;
};

class Value;
using ValueSet = std::set<Value>;
using ValueRecord = std::map<std::string, Value, std::less<>>;

class Value {
 public:
  Value() : state_(false) {}
  Value(bool value) : state_(value) {}                      // NOLINT(*-explicit-*)
  Value(int64_t value) : state_(value) {}                   // NOLINT(*-explicit-*)
  Value(std::string value) : state_(std::move(value)) {}    // NOLINT(*-explicit-*)
  Value(const char* value) : state_(std::string(value)) {}  // NOLINT(*-explicit-*)
  Value(EntityRef value) : state_(std::move(value)) {}      // NOLINT(*-explicit-*)
  Value(Decimal value) : state_(value) {}                   // NOLINT(*-explicit-*)
  Value(IpRange value) : state_(value) {}                   // NOLINT(*-explicit-*)
  Value(Instant value) : state_(value) {}                   // NOLINT(*-explicit-*)
  Value(Span value) : state_(value) {}                      // NOLINT(*-explicit-*)
  Value(ValueSet value);                                    // NOLINT(*-explicit-*)
  Value(ValueRecord value);                                 // NOLINT(*-explicit-*)

  template <typename T>
  const T* as() const {
    return std::get_if<T>(&state_);
  }
  const ValueSet* as_set() const;        // nullptr when of another type
  const ValueRecord* as_record() const;  // nullptr when of another type

  std::string_view type_name() const;

  // Values of different types are different, never an error. The order means nothing to policies:
  // it only makes sets possible.
  bool operator==(const Value& other) const { return compare(other) == 0; }
  std::strong_ordering operator<=>(const Value& other) const { return compare(other); }

 private:
  std::strong_ordering compare(const Value& other) const;

  std::variant<bool, int64_t, std::string, EntityRef, Decimal, IpRange, Instant, Span,
               std::shared_ptr<const ValueSet>, std::shared_ptr<const ValueRecord>>
      state_;
};

// Whether {"__entity": …} and {"__extn": …} become entity references and extension values. Facts of
// a request never honour them: an argument of a tool must not be able to forge an entity.
enum class JsonEscapes : uint8_t { literal, honour };

// JSON -> value. null members and items are left out (a policy sees a missing attribute); a number
// that is no 64-bit integer becomes a decimal rounded to four digits, or its text when a decimal
// cannot hold it. Errors (only with JsonEscapes::honour): malformed for a wrong escape.
Result<Value> value_from_json(const Json& json, JsonEscapes escapes);

}  // namespace plinth::guard
