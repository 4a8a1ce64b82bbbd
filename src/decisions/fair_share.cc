// SPDX-License-Identifier: Apache-2.0
#include "decisions/fair_share.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace plinth::decisions {
namespace {

constexpr char kSeparator = '/';

std::string_view enclosing(std::string_view group) {
  const size_t at = group.rfind(kSeparator);
  return at == std::string_view::npos ? std::string_view() : group.substr(0, at);
}

bool is_directly_within(std::string_view group, std::string_view outer) {
  return enclosing(group) == outer;
}

}  // namespace

void FairShare::for_each_level(std::string_view group,
                               const std::function<void(std::string_view)>& visit) {
  for (size_t at = group.find(kSeparator); at != std::string_view::npos;
       at = group.find(kSeparator, at + 1)) {
    visit(group.substr(0, at));
  }
  visit(group);
}

std::pair<std::string_view, std::string_view> FairShare::parting(std::string_view a,
                                                                 std::string_view b) {
  size_t begin = 0;
  while (true) {
    const size_t end_a = std::min(a.find(kSeparator, begin), a.size());
    const size_t end_b = std::min(b.find(kSeparator, begin), b.size());
    const bool is_same = a.substr(0, end_a) == b.substr(0, end_b);
    if (!is_same || end_a == a.size() || end_b == b.size()) {
      return {a.substr(0, end_a), b.substr(0, end_b)};
    }
    begin = end_a + 1;
  }
}

double FairShare::least_served(std::string_view within) const {
  double least = std::numeric_limits<double>::infinity();
  for (const auto& [name, group] : groups_) {
    if (is_directly_within(name, within)) least = std::min(least, group.served);
  }
  return least;
}

void FairShare::arrive(const std::string& group) {
  if (idle_.size() >= kGroupsMax) forget_idle();
  for_each_level(group, [&](std::string_view level) { arrive_at(level); });
}

void FairShare::arrive_at(std::string_view level) {
  if (const auto found = groups_.find(level); found != groups_.end()) {
    ++found->second.requests;
    return;
  }
  const std::string_view outer = enclosing(level);
  double& floor = floors_[std::string(outer)];
  const double least = least_served(outer);
  if (least < std::numeric_limits<double>::infinity()) floor = std::max(floor, least);
  Group group{floor, 1};
  if (const auto found = idle_.find(level); found != idle_.end()) {
    group.served = std::max(group.served, found->second);
    idle_.erase(found);
  }
  groups_.emplace(std::string(level), group);
  if (outer.empty()) ++active_;
}

void FairShare::leave(const std::string& group) {
  for_each_level(group, [&](std::string_view level) { leave_at(level); });
}

void FairShare::leave_at(std::string_view level) {
  const auto found = groups_.find(level);
  CHECK(found != groups_.end());
  if (--found->second.requests > 0) return;
  const double served = found->second.served;
  idle_[found->first] = served;
  groups_.erase(found);
  const std::string_view outer = enclosing(level);
  if (outer.empty()) --active_;
  // When nobody is left, the next to come starts level with who was there last.
  double& floor = floors_[std::string(outer)];
  floor = std::max(floor, std::min(least_served(outer), served));
}

void FairShare::charge(const std::string& group, double cost, double weight) {
  for_each_level(group, [&](std::string_view level) {
    const auto found = groups_.find(level);
    if (found != groups_.end()) found->second.served += cost / weight;
  });
}

double FairShare::served(std::string_view group) const {
  if (const auto found = groups_.find(group); found != groups_.end()) return found->second.served;
  const auto found = idle_.find(group);
  return found == idle_.end() ? 0 : found->second;
}

bool FairShare::is_before(std::string_view a, std::string_view b) const {
  const auto [of_a, of_b] = parting(a, b);
  if (served(of_a) != served(of_b)) return served(of_a) < served(of_b);
  return of_a < of_b;  // some order, the same for all who ask
}

// An idle group at or below its floor would come back at the floor: it needs no memory. If all of
// them are above it, those give up what they owe.
void FairShare::forget_idle() {
  std::erase_if(idle_, [&](const auto& entry) {
    const auto floor = floors_.find(enclosing(entry.first));
    return floor != floors_.end() && entry.second <= floor->second;
  });
  if (idle_.size() >= kGroupsMax) idle_.clear();
  std::erase_if(floors_, [&](const auto& entry) {
    return !entry.first.empty() && !groups_.contains(entry.first) && !idle_.contains(entry.first);
  });
}

}  // namespace plinth::decisions
