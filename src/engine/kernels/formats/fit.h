// SPDX-License-Identifier: Apache-2.0
// Finds the scales of a block: how far apart its levels lie and where they begin, so that the
// squared error of the values rounded to levels is small. Every search tries a fixed number of
// starting scales and improves each by least squares, so its cost is bounded and the same input
// gives the same bytes.
#pragma once

#include <cstdint>

namespace plinth::engine::kernels {

// The nearest whole number in [low, high]; not a number becomes low.
int nearest_level(float value, int low, int high);

// The value of largest magnitude, with its sign; 0 for none.
float peak_of(const float* values, int count);

// 1 / value, or 0 where that is no finite number.
float inverse_or_zero(float value);

// In the searches below `count` is a multiple of 8.

// values[i] is about step * level, level in [low, high], low < 0 < high. The step may be negative
// where low and high differ: the side with one level more then takes the peak.
float fit_step(const float* values, int count, int low, int high);

// values[i] is about step * level - floor, level in [0, high].
struct StepAndFloor {
  float step = 0;
  float floor = 0;
};
// Any floor.
StepAndFloor fit_step_and_floor(const float* values, int count, int high);
// floor >= 0, as the formats need it that store floors without a sign.
StepAndFloor fit_step_and_positive_floor(const float* values, int count, int high);

// Super-blocks of 256 values: parts share two half precision scales, and each has small integers
// that multiply them.
constexpr int kSuperBlockValues = 256;
constexpr int kPartsMax = 16;

// part j is about (unit * steps[j]) * level
struct PartSteps {
  uint8_t unit[2];  // half precision, as stored
  int steps[kPartsMax];
};
// steps[j] in [step_min, -step_min - 1]; levels in [low, high].
PartSteps fit_part_steps(const float* values, int parts, int step_min, int low, int high);

// part j is about (unit * steps[j]) * level - floor_unit * floors[j]
struct PartStepsAndFloors {
  uint8_t unit[2];        // half precision, as stored
  uint8_t floor_unit[2];  // half precision, as stored
  int steps[kPartsMax];
  int floors[kPartsMax];
};
// steps[j] and floors[j] in [0, integer_max]; levels in [0, high].
PartStepsAndFloors fit_part_steps_and_floors(const float* values, int parts, int integer_max,
                                             int high);

}  // namespace plinth::engine::kernels
