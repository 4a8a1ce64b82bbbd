// SPDX-License-Identifier: Apache-2.0
// Trace identity as W3C Trace Context writes it: which request this work belongs to, across nodes
// and upstreams.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"

namespace plinth::telemetry {

// Never all zero: the standard reserves that for "none".
struct TraceId {
  std::array<uint8_t, 16> bytes{};
  static TraceId make(Random& random);
  std::string hex() const;
  bool operator==(const TraceId&) const = default;
};

struct SpanId {
  std::array<uint8_t, 8> bytes{};
  static SpanId make(Random& random);
  std::string hex() const;
  bool operator==(const SpanId&) const = default;
};

struct TraceContext {
  TraceId trace;
  SpanId span;
  bool is_sampled = false;

  static TraceContext make(Random& random, bool is_sampled);
  // Reads a `traceparent` header (version 00, and later versions as the standard asks); malformed
  // otherwise, and the caller then starts a new trace.
  static Result<TraceContext> parse(std::string_view traceparent);
  std::string traceparent() const;           // "00-<32 hex>-<16 hex>-01"
  TraceContext child(Random& random) const;  // same trace, new span
};

}  // namespace plinth::telemetry
