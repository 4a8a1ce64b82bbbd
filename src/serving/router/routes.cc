// SPDX-License-Identifier: Apache-2.0
#include "serving/router/routes.h"

#include <cmath>
#include <set>

namespace plinth::serving {
namespace {

// FNV-1a, then the finalizer of MurmurHash3, so that the high bits of short texts differ too.
// Uniform in [0, 1).
double unit_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
  hash ^= hash >> 33;
  return static_cast<double>(hash >> 11) * 0x1.0p-53;
}

double weight_of(const RouteSpec& route) {
  double sum = 0;
  for (const RouteTarget& target : route.targets) sum += target.weight;
  return sum;
}

const std::string& target_at(const RouteSpec& route, double unit) {
  double left = unit * weight_of(route);
  for (const RouteTarget& target : route.targets) {
    left -= target.weight;
    if (left < 0) return target.model;
  }
  return route.targets.back().model;
}

Error wrong(const RouteSpec& route, const std::string& field, const std::string& what) {
  return make_error(ErrorCode::invalid_argument, "route " + route.name + ": " + field + ": " + what,
                    field);
}

Status check(const RouteSpec& route) {
  if (route.name.empty()) return wrong(route, "name", "expected the name that clients ask for");
  if (route.targets.empty()) return wrong(route, "targets", "expected at least one model");
  if (route.targets.size() + route.fallbacks.size() > kRouteModelsMax) {
    return wrong(route, "targets",
                 "with the fallbacks, " + std::to_string(kRouteModelsMax) + " models at most");
  }
  std::set<std::string> seen;
  for (const RouteTarget& target : route.targets) {
    if (!std::isfinite(target.weight) || target.weight <= 0) {
      return wrong(route, "weight", "of " + target.model + ": expected a number above 0");
    }
    if (!seen.insert(target.model).second) {
      return wrong(route, "targets", target.model + " is there twice");
    }
  }
  seen.clear();
  for (const std::string& model : route.fallbacks) {
    if (!seen.insert(model).second) return wrong(route, "fallbacks", model + " is there twice");
  }
  return ok();
}

}  // namespace

Status Routes::add(RouteSpec spec) {
  TRY(check(spec));
  MutexLock lock(mutex_);
  if (routes_.contains(spec.name)) {
    return make_error(ErrorCode::already_exists, "route " + spec.name + " is there twice", "name");
  }
  if (routes_.size() >= kRoutesMax) {
    return make_error(ErrorCode::too_large,
                      "this node has " + std::to_string(kRoutesMax) + " routes, the most");
  }
  routes_.emplace(spec.name, std::move(spec));
  return ok();
}

std::vector<std::string> Routes::models_for(const std::string& name,
                                            std::string_view request) const {
  MutexLock lock(mutex_);
  const auto found = routes_.find(name);
  if (found == routes_.end()) return {name};
  const RouteSpec& route = found->second;
  std::vector<std::string> models = {target_at(route, unit_of(request))};
  for (const std::string& fallback : route.fallbacks) {
    if (fallback != models.front()) models.push_back(fallback);
  }
  return models;
}

std::vector<RouteSpec> Routes::all() const {
  MutexLock lock(mutex_);
  std::vector<RouteSpec> routes;
  for (const auto& [name, route] : routes_) routes.push_back(route);
  return routes;
}

std::string description_of(const RouteSpec& route) {
  std::string text;
  const double sum = weight_of(route);
  for (const RouteTarget& target : route.targets) {
    if (!text.empty()) text += ", ";
    const auto percent = static_cast<int>(std::lround(100 * target.weight / sum));
    if (route.targets.size() > 1) text += std::to_string(percent) + " % ";
    text += "to " + target.model;
  }
  for (const std::string& fallback : route.fallbacks) text += ", then " + fallback;
  return text;
}

}  // namespace plinth::serving
