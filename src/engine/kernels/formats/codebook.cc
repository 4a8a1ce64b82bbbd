// SPDX-License-Identifier: Apache-2.0
// Blocks of 32 values whose 4-bit levels name entries of a fixed table instead of evenly spaced
// numbers. Byte j of `nibbles` holds value j in its low and value j + 16 in its high four bits.
//
//   IQ4_NL, 18 bytes:  0 scale, half precision, little-endian  2 nibbles[16]   scale * entry
//   MXFP4,  17 bytes:  0 exponent  1 nibbles[16]               2^(exponent - 127) * entry
//
// MXFP4 follows the OCP Microscaling Formats specification 1.0: the exponent byte is an E8M0 scale,
// whose 255 is not a number, and the entries are the E2M1 numbers.
#include <cmath>
#include <initializer_list>
#include <limits>

#include "engine/kernels/formats/codecs.h"
#include "engine/kernels/formats/fit.h"
#include "engine/kernels/formats/float16.h"

namespace plinth::engine::kernels {
namespace {

constexpr int kValues = 32;
constexpr int kHalf = kValues / 2;
constexpr int kEntries = 16;

// Denser around zero, where most weights lie; fixed by the format.
constexpr float kIq4Entries[kEntries] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                         1,    13,   25,  38,  53,  69,  89,  113};

constexpr float kMxfp4Entries[kEntries] = {0.0f,  0.5f,  1.0f,  1.5f,  2.0f,  3.0f,  4.0f,  6.0f,
                                           -0.0f, -0.5f, -1.0f, -1.5f, -2.0f, -3.0f, -4.0f, -6.0f};
constexpr float kMxfp4Largest = 6;
constexpr int kExponentNan = 255;

void widen_nibbles(const uint8_t* nibbles, const float* entries, float scale, float* out) {
  for (int j = 0; j < kHalf; ++j) {
    out[j] = scale * entries[nibbles[j] & 0xf];
    out[j + kHalf] = scale * entries[nibbles[j] >> 4];
  }
}

// Entries ascend, so the nearest is found by counting the middles between them that lie below.
int nearest_ascending(const float* entries, int count, float value) {
  int below = 0;
  for (int i = 0; i + 1 < count; ++i) below += value > (entries[i] + entries[i + 1]) / 2;
  return below;
}

int nearest_iq4(float value) { return nearest_ascending(kIq4Entries, kEntries, value); }

// The sign is the fourth bit; the other three name the magnitude.
int nearest_mxfp4(float value) {
  return nearest_ascending(kMxfp4Entries, kEntries / 2, std::fabs(value)) | (value < 0 ? 8 : 0);
}

struct Fit {
  float error = 0;
  float products = 0;  // of values and their entries
  float squares = 0;   // of the entries
};

template <int (*kNearest)(float)>
Fit fit_at(const float* values, const float* entries, float scale) {
  const float inverse = inverse_or_zero(scale);
  Fit fit;
  for (int j = 0; j < kValues; ++j) {
    const float entry = entries[kNearest(values[j] * inverse)];
    const float difference = values[j] - scale * entry;
    fit.error += difference * difference;
    fit.products += values[j] * entry;
    fit.squares += entry * entry;
  }
  return fit;
}

template <int (*kNearest)(float)>
void store_nibbles(const float* values, float scale, uint8_t* nibbles) {
  const float inverse = inverse_or_zero(scale);
  for (int j = 0; j < kHalf; ++j) {
    const int low = kNearest(values[j] * inverse);
    const int high = kNearest(values[j + kHalf] * inverse);
    nibbles[j] = static_cast<uint8_t>(low | high << 4);
  }
}

float fit_iq4_scale(const float* values) {
  constexpr int kStarts = 7;
  constexpr int kMiddle = kStarts / 2;
  const float peak = peak_of(values, kValues);
  if (peak == 0 || !std::isfinite(peak)) return 0;
  float best = 0;
  float best_error = std::numeric_limits<float>::infinity();
  for (const float outermost : {kIq4Entries[0], kIq4Entries[kEntries - 1]}) {
    for (int start = 0; start < kStarts; ++start) {
      // The peak goes up to an eighth beyond the outermost entry, or as far inside it.
      const float scale = peak / (outermost * (1 + (static_cast<float>(start - kMiddle)) / 24.0f));
      const Fit fit = fit_at<nearest_iq4>(values, kIq4Entries, scale);
      if (!(fit.error < best_error)) continue;
      best_error = fit.error;
      best = fit.squares > 0 ? fit.products / fit.squares : scale;
    }
  }
  return best;
}

float mxfp4_scale(int exponent) {
  if (exponent == kExponentNan) return std::numeric_limits<float>::quiet_NaN();
  return std::ldexp(1.0f, exponent - 127);
}

// The exponent at which the peak is just not cut, or one below it, whichever errs less.
int fit_mxfp4_exponent(const float* values) {
  const float peak = std::fabs(peak_of(values, kValues));
  if (peak == 0 || !std::isfinite(peak)) return 0;
  int power = 0;
  const float fraction = std::frexp(peak / kMxfp4Largest, &power);  // in [0.5, 1)
  const int uncut = nearest_level(static_cast<float>(127 + power - (fraction == 0.5f ? 1 : 0)), 0,
                                  kExponentNan - 1);
  if (uncut == 0) return 0;
  const float error_uncut = fit_at<nearest_mxfp4>(values, kMxfp4Entries, mxfp4_scale(uncut)).error;
  const float error_cut =
      fit_at<nearest_mxfp4>(values, kMxfp4Entries, mxfp4_scale(uncut - 1)).error;
  return error_cut < error_uncut ? uncut - 1 : uncut;
}

}  // namespace

void widen_iq4_nl(const void* row, int64_t length, float* out) {
  const auto* block = static_cast<const uint8_t*>(row);
  for (int64_t i = 0; i < length; i += kValues, block += 18) {
    widen_nibbles(block + 2, kIq4Entries, load_half(block), out + i);
  }
}

void narrow_iq4_nl(const float* row, int64_t length, void* out) {
  auto* block = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < length; i += kValues, block += 18) {
    const float scale = store_half(fit_iq4_scale(row + i), block);
    store_nibbles<nearest_iq4>(row + i, scale, block + 2);
  }
}

void widen_mxfp4(const void* row, int64_t length, float* out) {
  const auto* block = static_cast<const uint8_t*>(row);
  for (int64_t i = 0; i < length; i += kValues, block += 17) {
    widen_nibbles(block + 1, kMxfp4Entries, mxfp4_scale(block[0]), out + i);
  }
}

void narrow_mxfp4(const float* row, int64_t length, void* out) {
  auto* block = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < length; i += kValues, block += 17) {
    const int exponent = fit_mxfp4_exponent(row + i);
    block[0] = static_cast<uint8_t>(exponent);
    store_nibbles<nearest_mxfp4>(row + i, mxfp4_scale(exponent), block + 1);
  }
}

}  // namespace plinth::engine::kernels
