// SPDX-License-Identifier: Apache-2.0
// Where the keys and values of one head stand in a block of 16 tokens, in each format.
//
// Keys stand value by value, the 16 tokens side by side: one vector holds the same value of every
// token, and a score needs no sum across lanes. Values stand token by token. n is the head's
// length, groups have 32 values, the last one may be short of some:
//
//   f32  keys [n][16] floats              values [16][n padded to a multiple of 16] floats
//   f16  the same in halves
//   q8   keys, per group: scales [16] halves, then codes [32][16] signed bytes
//        values, per token and group: scale, a half, then codes [32]; a value is scale * code
//   q4   keys, per group: scales [16] halves, then [16][16] bytes: row j holds the codes of value j
//        in its low and of value j + 16 in its high four bits
//        values, per token and group: scale, then [16] bytes in the same way; scale * (code - 8)
//
// This header is included by files compiled with -m flags: no inline functions, no standard
// templates.
#pragma once

#include <cstdint>

#include "engine/kv_format.h"

namespace plinth::engine::kernels {

constexpr int64_t kKvGroup = 32;

// One row of the table of formats.
struct KvStore {
  KvFormat format;
  const char* name;
  // Of one head in a block; multiples of 64.
  int64_t (*key_bytes)(int64_t length);
  int64_t (*value_bytes)(int64_t length);
  // Stores one token's key (value) of a head at `token` (0..15) of its block.
  void (*store_key)(const float* key, int64_t length, int64_t token, uint8_t* keys);
  void (*store_value)(const float* value, int64_t length, int64_t token, uint8_t* values);
  // Value i of `token`, widened.
  float (*key_at)(const uint8_t* keys, int64_t length, int64_t token, int64_t i);
  float (*value_at)(const uint8_t* values, int64_t length, int64_t token, int64_t i);
};

struct KvStoreTable {
  const KvStore* rows;
  int count;
};

KvStoreTable kv_store_table();
const KvStore& kv_store_of(KvFormat format);

}  // namespace plinth::engine::kernels
