// SPDX-License-Identifier: Apache-2.0
// One search for evenly spaced levels around zero, one for levels above a floor, and both again for
// super-blocks, whose parts must agree on the units of their scales.
#include "engine/kernels/formats/fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/kernels/formats/float16.h"

namespace plinth::engine::kernels {

int nearest_level(float value, int low, int high) {
  // Comparisons that are false for what is no number, so that it ends at low.
  const float least = value > static_cast<float>(low) ? value : static_cast<float>(low);
  const float inside = least < static_cast<float>(high) ? least : static_cast<float>(high);
  const float up = inside - static_cast<float>(low) + 0.5f;
  return low + static_cast<int>(up);
}

float inverse_or_zero(float value) {
  const float inverse = 1.0f / value;
  return std::isfinite(inverse) ? inverse : 0.0f;
}

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Sums run in as many lanes as divide every part, so that the compiler can keep them in a register;
// their order is fixed.
constexpr int kLanes = 8;

struct Lanes {
  float values[kLanes] = {};
  float sum() const {
    float total = 0;
    for (const float value : values) total += value;
    return total;
  }
};

// Squared error of values rounded to step * level - floor.
double error_of(const float* values, int count, float step, float floor, int low, int high) {
  const float inverse = inverse_or_zero(step);
  Lanes error;
  for (int i = 0; i < count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const float value = values[i + lane];
      const int level = nearest_level((value + floor) * inverse, low, high);
      const float difference = value - (step * static_cast<float>(level) - floor);
      error.values[lane] += difference * difference;
    }
  }
  const float total = error.sum();
  return std::isfinite(total) ? total : kInfinity;
}

struct LevelSums {
  float levels = 0;
  float squares = 0;   // of levels
  float products = 0;  // of levels and values
};

LevelSums sums_of(const float* values, int count, float step, float floor, int low, int high) {
  const float inverse = inverse_or_zero(step);
  Lanes levels;
  Lanes squares;
  Lanes products;
  for (int i = 0; i < count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const float value = values[i + lane];
      const auto level = static_cast<float>(nearest_level((value + floor) * inverse, low, high));
      levels.values[lane] += level;
      squares.values[lane] += level * level;
      products.values[lane] += level * value;
    }
  }
  return {levels.sum(), squares.sum(), products.sum()};
}

// The step that suits the levels which `step` rounds to, by least squares.
float improved_step(const float* values, int count, float step, int low, int high) {
  const LevelSums sums = sums_of(values, count, step, 0, low, high);
  return sums.squares > 0 ? sums.products / sums.squares : step;
}

// The same for a step and a floor together: the line through (level, value).
StepAndFloor improved_line(const float* values, int count, float sum, StepAndFloor from, int high,
                           float floor_min) {
  const LevelSums sums = sums_of(values, count, from.step, from.floor, 0, high);
  const auto n = static_cast<float>(count);
  const float spread = n * sums.squares - sums.levels * sums.levels;
  if (spread <= 0) return from;
  const float step = (n * sums.products - sums.levels * sum) / spread;
  const float floor = (step * sums.levels - sum) / n;
  if (floor >= floor_min) return {step, floor};
  return {(sums.products + floor_min * sums.levels) / sums.squares, floor_min};
}

StepAndFloor fit_line(const float* values, int count, int high, float floor_min) {
  constexpr int kStarts = 7;
  constexpr int kImprovements = 2;
  const auto [least, largest] = std::minmax_element(values, values + count);
  const float floor = std::max(-*least, floor_min);
  const float range = *largest + floor;
  const float sum = std::accumulate(values, values + count, 0.0f);
  StepAndFloor best{0, floor};
  if (!(range > 0) || !std::isfinite(range)) return best;
  double best_error = kInfinity;
  for (int start = 0; start < kStarts; ++start) {
    // From half a level less than there are to one more, where the outermost values are cut.
    const float reach = static_cast<float>(high) - 0.5f + 0.25f * static_cast<float>(start);
    StepAndFloor found{range / reach, floor};
    for (int round = 0; round <= kImprovements; ++round) {
      const double error = error_of(values, count, found.step, found.floor, 0, high);
      if (error < best_error) {
        best_error = error;
        best = found;
      }
      found = improved_line(values, count, sum, found, high, floor_min);
    }
  }
  return best;
}

// The integer near value / unit, and its neighbours within [low, high], are the candidates.
struct Candidates {
  int first;
  int last;
  Candidates(float value, float unit, int low, int high) {
    const int near = nearest_level(value * inverse_or_zero(unit), low, high);
    first = std::max(near - 1, low);
    last = std::min(near + 1, high);
  }
};

}  // namespace

float peak_of(const float* values, int count) {
  float peak = 0;
  for (int i = 0; i < count; ++i) {
    if (std::fabs(values[i]) > std::fabs(peak)) peak = values[i];
  }
  return peak;
}

float fit_step(const float* values, int count, int low, int high) {
  constexpr int kStarts = 9;
  constexpr int kMiddle = kStarts / 2;
  const float peak = peak_of(values, count);
  if (peak == 0 || !std::isfinite(peak)) return 0;
  float best = 0;
  double best_error = kInfinity;
  const auto consider = [&](float step) {
    const double error = error_of(values, count, step, 0, low, high);
    if (error >= best_error) return;
    best_error = error;
    best = step;
  };
  for (const int outermost : {low, high}) {
    for (int start = 0; start < kStarts; ++start) {
      // The peak goes to one level beyond the outermost (and is cut) up to one level below it.
      const float offset = 0.25f * static_cast<float>(start - kMiddle);
      const float step = peak / (static_cast<float>(outermost) + offset);
      consider(step);
      consider(improved_step(values, count, step, low, high));
    }
  }
  return best;
}

StepAndFloor fit_step_and_floor(const float* values, int count, int high) {
  return fit_line(values, count, high, -std::numeric_limits<float>::max());
}

StepAndFloor fit_step_and_positive_floor(const float* values, int count, int high) {
  return fit_line(values, count, high, 0);
}

PartSteps fit_part_steps(const float* values, int parts, int step_min, int low, int high) {
  const int length = kSuperBlockValues / parts;
  PartSteps result{};
  float steps[kPartsMax] = {};
  for (int j = 0; j < parts; ++j) steps[j] = fit_step(values + j * length, length, low, high);
  const float widest = peak_of(steps, parts);
  const float unit = store_half(widest / static_cast<float>(step_min), result.unit);
  for (int j = 0; j < parts; ++j) {
    const Candidates candidates(steps[j], unit, step_min, -step_min - 1);
    double best_error = kInfinity;
    for (int step = candidates.first; step <= candidates.last; ++step) {
      const double error =
          error_of(values + j * length, length, unit * static_cast<float>(step), 0, low, high);
      if (error >= best_error) continue;
      best_error = error;
      result.steps[j] = step;
    }
  }
  return result;
}

PartStepsAndFloors fit_part_steps_and_floors(const float* values, int parts, int integer_max,
                                             int high) {
  const int length = kSuperBlockValues / parts;
  PartStepsAndFloors result{};
  StepAndFloor lines[kPartsMax];
  float widest = 0;
  float deepest = 0;
  for (int j = 0; j < parts; ++j) {
    lines[j] = fit_step_and_positive_floor(values + j * length, length, high);
    widest = std::max(widest, lines[j].step);
    deepest = std::max(deepest, lines[j].floor);
  }
  const auto divisor = static_cast<float>(integer_max);
  const float unit = store_half(widest / divisor, result.unit);
  const float floor_unit = store_half(deepest / divisor, result.floor_unit);
  for (int j = 0; j < parts; ++j) {
    const Candidates steps(lines[j].step, unit, 0, integer_max);
    const Candidates floors(lines[j].floor, floor_unit, 0, integer_max);
    double best_error = kInfinity;
    for (int step = steps.first; step <= steps.last; ++step) {
      for (int floor = floors.first; floor <= floors.last; ++floor) {
        const double error = error_of(values + j * length, length, unit * static_cast<float>(step),
                                      floor_unit * static_cast<float>(floor), 0, high);
        if (error >= best_error) continue;
        best_error = error;
        result.steps[j] = step;
        result.floors[j] = floor;
      }
    }
  }
  return result;
}

}  // namespace plinth::engine::kernels
