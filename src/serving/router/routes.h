// SPDX-License-Identifier: Apache-2.0
// Names that stand for models: an alias, a split of the traffic, and what is tried when a model
// cannot answer.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "serving/serving.h"

namespace plinth::serving {

inline constexpr size_t kRoutesMax = 1024;
inline constexpr size_t kRouteModelsMax = 16;  // of one route: targets and fallbacks together

// Thread-safe.
class Routes {
 public:
  // Errors: invalid_argument (names the field), already_exists, too_large.
  Status add(RouteSpec spec) EXCLUDES(mutex_);

  // The models to try, in order, for who asks for `name`: one of the targets by their weights, then
  // the fallbacks; the name itself where it is no route. One request, by its id,
  // is led to one target.
  std::vector<std::string> models_for(const std::string& name, std::string_view request) const
      EXCLUDES(mutex_);

  std::vector<RouteSpec> all() const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::map<std::string, RouteSpec> routes_ GUARDED_BY(mutex_);
};

// "90 % to large, 10 % to small, then backup".
std::string description_of(const RouteSpec& route);

}  // namespace plinth::serving
