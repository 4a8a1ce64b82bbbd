// SPDX-License-Identifier: Apache-2.0
// One row per strategy.
#include "serving/router/strategies.h"

#include <array>

#include "base/check.h"

namespace plinth::serving {

namespace {
constexpr std::array kStrategies{
    StrategyRow{kDefaultStrategy, &decisions::route,
                "The replica predicted to finish first: work ahead + uncached prefill + decode."},
};
}  // namespace

std::span<const StrategyRow> strategy_table() { return kStrategies; }

Strategy find_strategy(std::string_view name) {
  for (const StrategyRow& row : kStrategies) {
    if (row.name == name) return row.choose;
  }
  check_failed(__FILE__, __LINE__, "a routing strategy of the table", name);
}

}  // namespace plinth::serving
