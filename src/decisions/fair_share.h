// SPDX-License-Identifier: Apache-2.0
// Who is next, when several groups of requests want the same machine: the one that has been served
// least. Service is counted in weighted tokens, and a group that comes back from idleness starts
// level with the others, so that nobody saves up (the virtual token counter of Sheng et al.,
// "Fairness in Serving Large Language Models", OSDI 2024).
//
// A group may have groups within it: "tenant/principal". Tenants share with tenants, whatever
// number of principals each has, and the principals of one tenant share what it gets. Pure state,
// not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace plinth::decisions {

// What tokens count: those of prompts are computed many at a time, those of replies one by one.
inline constexpr double kPromptTokenCost = 1;
inline constexpr double kReplyTokenCost = 2;

class FairShare {
 public:
  static constexpr size_t kGroupsMax = 10'000;  // idle ones beyond it are forgotten

  // One request more of the group wants service, one less does.
  void arrive(const std::string& group);
  void leave(const std::string& group);
  // Served: its tokens' cost. A group of twice the weight is served twice as much.
  void charge(const std::string& group, double cost, double weight = 1);

  // What it has been served, above where it came in; 0 of a group that is not known.
  double served(std::string_view group) const;
  // Whether a request of group `a` comes before one of group `b`: where the two part, a's was
  // served less.
  bool is_before(std::string_view a, std::string_view b) const;
  int64_t active_groups() const { return active_; }  // outermost ones

  // The outermost groups of the two that differ; the groups themselves when they are the same.
  static std::pair<std::string_view, std::string_view> parting(std::string_view a,
                                                               std::string_view b);
  // Calls `visit` with "tenant", then "tenant/principal".
  static void for_each_level(std::string_view group,
                             const std::function<void(std::string_view)>& visit);

 private:
  struct Group {
    double served = 0;
    int64_t requests = 0;
  };
  // Of the groups directly within that one which want service: the least that one was served.
  double least_served(std::string_view within) const;
  void arrive_at(std::string_view level);
  void leave_at(std::string_view level);
  void forget_idle();

  std::map<std::string, Group, std::less<>> groups_;   // that want service
  std::map<std::string, double, std::less<>> idle_;    // what the others were served
  std::map<std::string, double, std::less<>> floors_;  // per enclosing group, never falling
  int64_t active_ = 0;
};

}  // namespace plinth::decisions
