// SPDX-License-Identifier: Apache-2.0
// The traceparent header: https://www.w3.org/TR/trace-context/, section 3.2.
#include "telemetry/trace.h"

#include <algorithm>

#include "base/hash.h"

namespace plinth::telemetry {
namespace {

constexpr size_t kVersionZeroSize = 55;  // 2 + 1 + 32 + 1 + 16 + 1 + 2

template <size_t kSize>
bool is_zero(const std::array<uint8_t, kSize>& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

template <size_t kSize>
void fill_nonzero(std::array<uint8_t, kSize>& bytes, Random& random) {
  random.fill(bytes);
  if (is_zero(bytes)) bytes.back() = 1;
}

bool is_lower_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

template <size_t kSize>
void read_hex(std::string_view text, std::array<uint8_t, kSize>& bytes) {
  const std::string raw = MUST(unhex(text), "the caller checked the digits and their number");
  std::copy(raw.begin(), raw.end(), bytes.begin());
}

Error refusal(std::string_view cause) {
  return make_error(ErrorCode::malformed, "traceparent: " + std::string(cause), "traceparent");
}

}  // namespace

TraceId TraceId::make(Random& random) {
  TraceId id;
  fill_nonzero(id.bytes, random);
  return id;
}

std::string TraceId::hex() const { return plinth::hex(bytes); }

SpanId SpanId::make(Random& random) {
  SpanId id;
  fill_nonzero(id.bytes, random);
  return id;
}

std::string SpanId::hex() const { return plinth::hex(bytes); }

TraceContext TraceContext::make(Random& random, bool is_sampled) {
  return {TraceId::make(random), SpanId::make(random), is_sampled};
}

Result<TraceContext> TraceContext::parse(std::string_view text) {
  if (text.size() < kVersionZeroSize) return refusal("too short");
  const std::string_view version = text.substr(0, 2);
  const std::string_view trace = text.substr(3, 32);
  const std::string_view span = text.substr(36, 16);
  const std::string_view flags = text.substr(53, 2);
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return refusal("expected dashes");
  for (const std::string_view part : {version, trace, span, flags}) {
    if (!is_lower_hex(part)) return refusal("expected lower-case hexadecimal digits");
  }
  if (version == "ff") return refusal("version ff is not allowed");
  // A later version may add fields after another dash.
  const bool has_more = text.size() > kVersionZeroSize;
  if (has_more && (version == "00" || text[kVersionZeroSize] != '-')) return refusal("too long");

  TraceContext context;
  read_hex(trace, context.trace.bytes);
  read_hex(span, context.span.bytes);
  if (is_zero(context.trace.bytes) || is_zero(context.span.bytes)) return refusal("an id is zero");
  std::array<uint8_t, 1> flag_bits{};
  read_hex(flags, flag_bits);
  context.is_sampled = (flag_bits[0] & 1) != 0;
  return context;
}

std::string TraceContext::traceparent() const {
  return "00-" + trace.hex() + "-" + span.hex() + (is_sampled ? "-01" : "-00");
}

TraceContext TraceContext::child(Random& random) const {
  return {trace, SpanId::make(random), is_sampled};
}

}  // namespace plinth::telemetry
