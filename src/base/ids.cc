// SPDX-License-Identifier: Apache-2.0
// Identifiers that sort by creation time, and the rule for names that people choose.
#include "base/ids.h"

#include <algorithm>

namespace plinth {
namespace {

constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr int kTimeCharacters = 10;    // 48 bits in 5-bit steps; the top two bits are zero
constexpr int kRandomCharacters = 16;  // 80 bits
constexpr size_t kNameCharactersMax = 64;

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

std::string IdSource::make(std::string_view prefix) {
  std::string id;
  id.reserve(prefix.size() + 1 + kTimeCharacters + kRandomCharacters);
  id.append(prefix).push_back('_');
  const auto time_ms = static_cast<uint64_t>(clock_.wall().unix_ms) & 0xffff'ffff'ffffu;
  for (int i = kTimeCharacters - 1; i >= 0; --i)
    id.push_back(kCrockford[(time_ms >> (5 * i)) & 31]);
  for (int half = 0; half < 2; ++half) {
    const uint64_t bits = random_.next();
    for (int i = 0; i < kRandomCharacters / 2; ++i)
      id.push_back(kCrockford[(bits >> (5 * i)) & 31]);
  }
  return id;
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > kNameCharactersMax || !is_lower_or_digit(text[0])) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_lower_or_digit(c) || c == '.' || c == '_' || c == '-';
  });
}

}  // namespace plinth
