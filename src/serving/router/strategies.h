// SPDX-License-Identifier: Apache-2.0
// The table of routing strategies. Each is a pure function of the same snapshot.
#pragma once

#include <span>
#include <string_view>

#include "decisions/route.h"

namespace plinth::serving {

using Strategy = decisions::RouteChoice (*)(const decisions::RouteState&,
                                            const decisions::RouteQuery&);

struct StrategyRow {
  std::string_view name;
  Strategy choose;
  std::string_view meaning;  // one sentence for the docs
};

std::span<const StrategyRow> strategy_table();
inline constexpr std::string_view kDefaultStrategy = "predicted_time";

// CHECKs that the name is in the table.
Strategy find_strategy(std::string_view name);

}  // namespace plinth::serving
