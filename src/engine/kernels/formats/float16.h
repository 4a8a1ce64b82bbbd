// SPDX-License-Identifier: Apache-2.0
// The two 16-bit floating-point formats: IEEE half precision and bfloat16 (the upper half of F32).
// Included by files compiled with -m flags: no inline functions, no standard templates.
#pragma once

#include <cstdint>

namespace plinth::engine::kernels {

float half_to_float(uint16_t half);
uint16_t float_to_half(float value);    // rounds to nearest even; too large becomes infinity
uint16_t float_to_bfloat(float value);  // rounds to nearest even

// A scale as blocks store it: half precision, little-endian, at any address.
float load_half(const uint8_t* bytes);
// Stores the nearest half; too large becomes the largest, not a number becomes 0, so that a block
// that is written always widens to numbers. Returns what was stored.
float store_half(float value, uint8_t* bytes);

}  // namespace plinth::engine::kernels
