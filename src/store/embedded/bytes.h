// SPDX-License-Identifier: Apache-2.0
// Big-endian integers in byte strings, written and read with bounds checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace plinth::store {

inline void append_be64(std::string& out, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

// Reads a byte string from its start. Every read says nullopt past the end and then keeps its
// place.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  std::string_view rest() const { return rest_; }

  std::optional<std::string_view> take(size_t count) {
    if (rest_.size() < count) return std::nullopt;
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::optional<uint8_t> byte() {
    const auto taken = take(1);
    if (!taken) return std::nullopt;
    return static_cast<uint8_t>((*taken)[0]);
  }

  std::optional<uint64_t> be64() {
    const auto taken = take(8);
    if (!taken) return std::nullopt;
    uint64_t value = 0;
    for (const char c : *taken) value = value << 8 | static_cast<uint8_t>(c);
    return value;
  }

  // Text up to the next zero byte, which is consumed too.
  std::optional<std::string_view> until_zero() {
    const size_t zero = rest_.find('\0');
    if (zero == std::string_view::npos) return std::nullopt;
    const std::string_view taken = rest_.substr(0, zero);
    rest_.remove_prefix(zero + 1);
    return taken;
  }

 private:
  std::string_view rest_;
};

}  // namespace plinth::store
