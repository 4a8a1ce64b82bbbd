// SPDX-License-Identifier: Apache-2.0
// The formats of keys and values. To add one: functions and a row of the table here, and loaders in
// tiles.h.
#include "engine/kernels/attention/kv_store.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>

#include "engine/kernels/formats/float16.h"

namespace plinth::engine::kernels {
namespace {

constexpr int64_t kHalfGroup = kKvGroup / 2;
constexpr int64_t kHalfBytes = 2;

int64_t rounded_up(int64_t count, int64_t step) { return (count + step - 1) / step * step; }
int64_t groups_of(int64_t length) { return rounded_up(length, kKvGroup) / kKvGroup; }
int64_t padded(int64_t length) { return rounded_up(length, 16); }

template <typename Number>
Number load(const uint8_t* bytes) {
  Number number;
  std::memcpy(&number, bytes, sizeof(number));
  return number;
}

template <typename Number>
void store(Number number, uint8_t* bytes) {
  std::memcpy(bytes, &number, sizeof(number));
}

// Single numbers: F32 and F16.

struct Float {
  using Stored = float;
  static float narrow(float value) { return value; }
  static float widen(float stored) { return stored; }
};

struct Half {
  using Stored = uint16_t;
  static uint16_t narrow(float value) { return float_to_half(value); }
  static float widen(uint16_t stored) { return half_to_float(stored); }
};

template <typename Number>
struct Plain {
  static constexpr int64_t kBytes = sizeof(typename Number::Stored);
  static int64_t key_bytes(int64_t length) {
    return rounded_up(length * kBlockTokens * kBytes, 64);
  }
  static int64_t value_bytes(int64_t length) { return kBlockTokens * padded(length) * kBytes; }
  static void store_key(const float* key, int64_t length, int64_t token, uint8_t* keys) {
    for (int64_t i = 0; i < length; ++i) {
      store(Number::narrow(key[i]), keys + (i * kBlockTokens + token) * kBytes);
    }
  }
  static void store_value(const float* value, int64_t length, int64_t token, uint8_t* values) {
    uint8_t* row = values + token * padded(length) * kBytes;
    for (int64_t i = 0; i < length; ++i) store(Number::narrow(value[i]), row + i * kBytes);
  }
  static float key_at(const uint8_t* keys, int64_t, int64_t token, int64_t i) {
    return Number::widen(load<typename Number::Stored>(keys + (i * kBlockTokens + token) * kBytes));
  }
  static float value_at(const uint8_t* values, int64_t length, int64_t token, int64_t i) {
    return Number::widen(
        load<typename Number::Stored>(values + (token * padded(length) + i) * kBytes));
  }
};

// Groups with a scale: a value is scale * code.

struct Group {
  uint16_t scale;
  int8_t codes[kKvGroup];
};

// The value furthest from 0 gets the code `extreme`, the others the nearest in lowest..highest. One
// that is no number, or too large for a half, makes the whole group no number: it must not vanish
// in silence.
Group quantize(const float* values, int64_t count, int extreme, int lowest, int highest) {
  Group group{};
  float furthest = 0;
  bool is_finite = true;
  for (int64_t i = 0; i < count; ++i) {
    is_finite = is_finite && std::isfinite(values[i]);
    if (std::fabs(values[i]) > std::fabs(furthest)) furthest = values[i];
  }
  group.scale = float_to_half(furthest / static_cast<float>(extreme));
  const float scale = half_to_float(group.scale);
  if (!is_finite || !std::isfinite(scale)) {
    group.scale = float_to_half(std::numeric_limits<float>::quiet_NaN());
    return group;
  }
  if (scale == 0) return group;
  for (int64_t i = 0; i < count; ++i) {
    const long code = std::lround(values[i] / scale);
    group.codes[i] = static_cast<int8_t>(std::clamp<long>(code, lowest, highest));
  }
  return group;
}

struct Bytes {
  static constexpr int kExtreme = 127, kLowest = -127, kHighest = 127;
  static constexpr int64_t kGroupBytes = kKvGroup;  // of one token's codes
  static void put(int64_t i, int8_t code, uint8_t* row0, int64_t stride) {
    row0[i * stride] = static_cast<uint8_t>(code);
  }
  static int get(int64_t i, const uint8_t* row0, int64_t stride) {
    return static_cast<int8_t>(row0[i * stride]);
  }
};

struct Nibbles {
  static constexpr int kExtreme = -8, kLowest = -8, kHighest = 7;
  static constexpr int kZero = 8;
  static constexpr int64_t kGroupBytes = kHalfGroup;
  static void put(int64_t i, int8_t code, uint8_t* row0, int64_t stride) {
    uint8_t& byte = row0[i % kHalfGroup * stride];
    const int level = code + kZero;
    byte = static_cast<uint8_t>(i < kHalfGroup ? (byte & 0xf0) | level : (byte & 0xf) | level << 4);
  }
  static int get(int64_t i, const uint8_t* row0, int64_t stride) {
    const int byte = row0[i % kHalfGroup * stride];
    return (i < kHalfGroup ? byte & 0xf : byte >> 4) - kZero;
  }
};

template <typename Codes>
struct Scaled {
  static constexpr int64_t kKeyGroupBytes = kBlockTokens * (kHalfBytes + Codes::kGroupBytes);
  static constexpr int64_t kValueGroupBytes = kHalfBytes + Codes::kGroupBytes;

  static Group group_of(const float* values, int64_t left) {
    return quantize(values, std::min(kKvGroup, left), Codes::kExtreme, Codes::kLowest,
                    Codes::kHighest);
  }
  static int64_t key_bytes(int64_t length) {
    return rounded_up(groups_of(length) * kKeyGroupBytes, 64);
  }
  static int64_t value_bytes(int64_t length) {
    return rounded_up(kBlockTokens * groups_of(length) * kValueGroupBytes, 64);
  }
  static void store_key(const float* key, int64_t length, int64_t token, uint8_t* keys) {
    for (int64_t at = 0; at < length; at += kKvGroup, keys += kKeyGroupBytes) {
      const Group group = group_of(key + at, length - at);
      store(group.scale, keys + token * kHalfBytes);
      uint8_t* codes = keys + kBlockTokens * kHalfBytes + token;
      for (int64_t i = 0; i < kKvGroup; ++i) Codes::put(i, group.codes[i], codes, kBlockTokens);
    }
  }
  static void store_value(const float* value, int64_t length, int64_t token, uint8_t* values) {
    values += token * groups_of(length) * kValueGroupBytes;
    for (int64_t at = 0; at < length; at += kKvGroup, values += kValueGroupBytes) {
      const Group group = group_of(value + at, length - at);
      store(group.scale, values);
      for (int64_t i = 0; i < kKvGroup; ++i) Codes::put(i, group.codes[i], values + kHalfBytes, 1);
    }
  }
  static float key_at(const uint8_t* keys, int64_t, int64_t token, int64_t i) {
    keys += i / kKvGroup * kKeyGroupBytes;
    const float scale = half_to_float(load<uint16_t>(keys + token * kHalfBytes));
    const uint8_t* codes = keys + kBlockTokens * kHalfBytes + token;
    return scale * static_cast<float>(Codes::get(i % kKvGroup, codes, kBlockTokens));
  }
  static float value_at(const uint8_t* values, int64_t length, int64_t token, int64_t i) {
    values += (token * groups_of(length) + i / kKvGroup) * kValueGroupBytes;
    const float scale = half_to_float(load<uint16_t>(values));
    return scale * static_cast<float>(Codes::get(i % kKvGroup, values + kHalfBytes, 1));
  }
};

template <typename Layout>
constexpr KvStore row_of(KvFormat format, const char* name) {
  return {format,
          name,
          Layout::key_bytes,
          Layout::value_bytes,
          Layout::store_key,
          Layout::store_value,
          Layout::key_at,
          Layout::value_at};
}

constexpr KvStore kStores[] = {
    row_of<Plain<Float>>(KvFormat::f32, "f32"),
    row_of<Plain<Half>>(KvFormat::f16, "f16"),
    row_of<Scaled<Bytes>>(KvFormat::q8, "q8"),
    row_of<Scaled<Nibbles>>(KvFormat::q4, "q4"),
};

}  // namespace

KvStoreTable kv_store_table() { return {kStores, static_cast<int>(std::size(kStores))}; }

const KvStore& kv_store_of(KvFormat format) { return kStores[static_cast<int>(format)]; }

}  // namespace plinth::engine::kernels
