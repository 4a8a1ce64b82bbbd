// SPDX-License-Identifier: Apache-2.0
// What became of the latest requests of models, in memory: for `plinth why req_…`. Never a word of
// a prompt or a reply.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/mutex.h"
#include "guard/authorizer.h"
#include "protocol/chat.h"
#include "serving/meters.h"

namespace plinth::serving {

inline constexpr size_t kRequestsKept = 4096;         // the latest
inline constexpr size_t kNotableRequestsKept = 1024;  // older ones that were slow or failed
inline constexpr size_t kCallsKept = 64;              // of one request
inline constexpr Duration kSlowCall = std::chrono::seconds(10);

// One call of a model: a request makes several when it asks for several choices, or retries.
struct CallRecord {
  // One choice of the router.
  struct Attempt {
    std::string replica;
    std::string reason;  // of the router
    Duration after{};    // since the call was admitted
    std::string failure = {};
  };

  std::string model;
  Operation operation = Operation::chat;
  std::string admission;                     // the reason to run, queue or refuse it, in a sentence
  std::vector<Attempt> attempts{};           // at most one a replica
  CallTimes times{};                         // as far as it got
  std::optional<protocol::ChatEvent> end{};  // its last event, without what was said; nullopt: runs

  // Spans in milliseconds; what did not happen is left out. `now` ends what still runs.
  Json to_json(MonotonicTime now) const;
  bool is_notable() const;  // slow or failed
};

struct RequestKey {
  std::string id;  // "req_…"
  std::string tenant;
  std::string principal;
};
RequestKey key_of(const guard::Request& request);

struct RequestRecord {
  RequestKey key;
  WallTime came;
  Duration policy_time{};              // that the authorizer took for all its calls
  std::vector<std::string> decisions;  // "dec_…", one a call
  std::vector<CallRecord> calls;       // that ended, at most kCallsKept
  Json to_json(MonotonicTime now) const;
  bool is_notable() const;
};

// Thread-safe.
class RequestRecords {
 public:
  explicit RequestRecords(const Clock& clock) : clock_(clock) {}

  // The authorizer was asked for a call of `model`. A refusal is a call that ended.
  void decided(const RequestKey& request, const std::string& model, const guard::Decision& decision,
               Duration took);
  // A call that ended, or was refused before it began.
  void add(const RequestKey& request, CallRecord call);
  std::optional<RequestRecord> find(const std::string& id) const;

 private:
  using Records = std::map<std::string, RequestRecord>;

  // Ids in the order they came, by tenant, so that a tenant with many drives out its own.
  class Shelf {
   public:
    void add(const std::string& tenant, std::string id);
    // Takes the oldest of the tenant that has most.
    std::string take();
    size_t size() const { return size_; }

   private:
    std::map<std::string, std::deque<std::string>> ids_;  // none is empty
    size_t size_ = 0;
  };

  // nullptr: a request without an id.
  RequestRecord* entry(const RequestKey& request) REQUIRES(mutex_);
  void forget_one() REQUIRES(mutex_);

  const Clock& clock_;
  mutable Mutex mutex_;
  Records records_ GUARDED_BY(mutex_);
  Shelf latest_ GUARDED_BY(mutex_);
  Shelf notable_ GUARDED_BY(mutex_);  // no longer among the latest
};

}  // namespace plinth::serving
