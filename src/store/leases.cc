// SPDX-License-Identifier: Apache-2.0
// Leases over KeyValue. A released lease stays as a row without a holder, because its epoch must
// never go back.
#include "store/leases.h"

#include <algorithm>

#include "base/json.h"

namespace plinth::store {
namespace {

constexpr Duration kTimeToLiveMax = std::chrono::hours(24);
constexpr size_t kHolderBytesMax = 256;
constexpr size_t kLeasesSeenMax = 4096;

std::string encode(const Lease& lease) {
  return Json::object({{"holder", lease.holder},
                       {"epoch", lease.epoch},
                       {"time_to_live_ns", int64_t{lease.time_to_live.count()}}})
      .dump();
}

Result<Lease> decode(const KeyValueItem& item) {
  const auto broken = [&](const std::string& why) {
    return make_error(ErrorCode::corrupt, "key " + item.key + " holds no lease: " + why);
  };
  const Result<Json> json = Json::parse(item.value);
  if (json.is_error()) return broken(json.error().message);
  const Json& epoch = (*json)["epoch"];
  const Json& span = (*json)["time_to_live_ns"];
  if (!(*json)["holder"].is_string() || !epoch.is_integer() || !span.is_integer() ||
      epoch.as_int() < 0) {
    return broken("holder, epoch or time_to_live_ns is missing or of another type");
  }
  return Lease{.key = item.key,
               .holder = (*json)["holder"].as_string(),
               .epoch = static_cast<uint64_t>(epoch.as_int()),
               .time_to_live = Duration(span.as_int()),
               .revision = item.revision};
}

Error held(const Lease& lease) {
  return make_error(ErrorCode::conflict, "lease " + lease.key + " is held by " + lease.holder +
                                             " at epoch " + std::to_string(lease.epoch));
}

Error taken_over(const Lease& mine, const std::string& by) {
  return make_error(ErrorCode::stale, "lease " + mine.key + ", epoch " +
                                          std::to_string(mine.epoch) + " of " + mine.holder +
                                          ", was taken over by " + by + ": stop acting on it");
}

}  // namespace

Result<Lease> Leases::acquire(const std::string& key, const std::string& holder,
                              Duration time_to_live) {
  if (holder.empty() || holder.size() > kHolderBytesMax) {
    return make_error(ErrorCode::invalid_argument, "a lease's holder has 1 to 256 bytes", "holder");
  }
  if (time_to_live <= Duration::zero() || time_to_live > kTimeToLiveMax) {
    return make_error(ErrorCode::invalid_argument, "a lease lives more than 0 and at most 24 h",
                      "time_to_live");
  }
  Lease wanted{
      .key = key, .holder = holder, .epoch = 1, .time_to_live = time_to_live, .revision = 0};
  Revision expected = kAbsent;
  const Result<KeyValueItem> item = key_value_.get(key);
  if (item.is_ok()) {
    const Lease present = TRY(decode(*item));
    const bool is_mine = present.holder == holder;
    if (!present.holder.empty() && !is_mine && !has_expired(present)) return held(present);
    wanted.epoch = is_mine ? present.epoch : present.epoch + 1;
    expected = present.revision;
  } else if (item.error().code != ErrorCode::not_found) {
    return item.error();
  }
  const Result<Revision> put = key_value_.put(key, encode(wanted), expected);
  if (put.is_ok()) {
    wanted.revision = *put;
    seen_.erase(key);
    return wanted;
  }
  if (put.error().code != ErrorCode::conflict) return put.error();
  const KeyValueItem winner = TRY(key_value_.get(key));
  return held(TRY(decode(winner)));
}

// Starts the observer's own clock when the revision is new to it.
bool Leases::has_expired(const Lease& lease) {
  const MonotonicTime now = clock_.now();
  const auto known = seen_.find(lease.key);
  if (known != seen_.end() && known->second.revision == lease.revision) {
    return now - known->second.at >= lease.time_to_live;
  }
  if (known == seen_.end() && seen_.size() >= kLeasesSeenMax) {
    // Forgetting the oldest sight only makes that lease expire later for this observer.
    seen_.erase(std::min_element(seen_.begin(), seen_.end(), [](const auto& a, const auto& b) {
      return a.second.at < b.second.at;
    }));
  }
  seen_[lease.key] = Seen{.revision = lease.revision, .at = now};
  return false;
}

// Writes while `lease` is still the present one; a row renewed by the same holder meanwhile still
// counts as it.
Result<Revision> Leases::put_as_holder(const Lease& lease, const std::string& value) {
  const Result<Revision> put = key_value_.put(lease.key, value, lease.revision);
  if (put.is_ok() || put.error().code != ErrorCode::conflict) return put;
  const Result<KeyValueItem> item = key_value_.get(lease.key);
  if (item.is_error()) {
    if (item.error().code != ErrorCode::not_found) return item.error();
    return taken_over(lease, "nobody: its row is gone");
  }
  const Lease present = TRY(decode(*item));
  if (present.epoch != lease.epoch || present.holder != lease.holder) {
    return taken_over(lease, present.holder.empty() ? "nobody: it was released" : present.holder);
  }
  return key_value_.put(lease.key, value, present.revision);
}

Result<Lease> Leases::renew(const Lease& lease) {
  Lease renewed = lease;
  renewed.revision = TRY(put_as_holder(lease, encode(lease)));
  return renewed;
}

Status Leases::release(const Lease& lease) {
  Lease released = lease;
  released.holder.clear();
  TRY(put_as_holder(lease, encode(released)));
  seen_.erase(lease.key);
  return ok();
}

}  // namespace plinth::store
