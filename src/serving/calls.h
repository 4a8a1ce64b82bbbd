// SPDX-License-Identifier: Apache-2.0
// The calls under way and the models they go to. A call waits for a slot, runs on a replica,
// perhaps moves to another one before its first event, and ends once. One thread of its own starts
// what waited, and sees deadlines and cancellations; nobody's thread is held while a call waits.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "guard/request.h"
#include "serving/channel.h"
#include "serving/loader.h"
#include "serving/meters.h"
#include "serving/model.h"
#include "serving/records.h"
#include "serving/router/strategies.h"

namespace plinth::serving {

// How soon a cancellation or a passed deadline is seen.
inline constexpr Duration kPollInterval = std::chrono::milliseconds(5);
// After the last call the thread goes on looking for so long: waking it costs more than a call.
inline constexpr Duration kPollTail = std::chrono::seconds(1);

class Calls {
 public:
  explicit Calls(const ServingOptions& options);
  ~Calls();  // every open stream ends with cancelled; waits for the replicas' threads
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  // The replica becomes part of the model of that name, which is made when new.
  Status add_replica(const ModelSpec& spec, LoadedReplica loaded);
  void add_failure(const ModelSpec& spec, const Error& error);

  struct ModelFacts {
    ReplicaKind kind = ReplicaKind::native;
    bool is_local = true;
    bool is_ready = false;
    size_t replicas = 0;
    std::string failure;
  };
  std::optional<ModelFacts> facts(const std::string& model) const;
  std::vector<ModelStatus> statuses() const;
  std::vector<Replica*> replicas() const;  // of all models; they stay as long as this does
  Replica* first_replica(const std::string& model) const;  // null: it has none
  std::string first_ready() const;
  uint64_t memory_bytes_used() const;

  // Admits and, when a slot is free, starts. `fallbacks`: models that the caller may use, tried in
  // order when the one asked for is full or out of reach. Errors as in Serving::chat.
  Result<std::unique_ptr<ChatStream>> begin(const guard::Request& request,
                                            protocol::ChatRequest chat,
                                            std::vector<std::string> fallbacks = {});
  RequestRecords& records() { return records_; }
  // With the calls of it that run.
  std::optional<RequestRecord> find_request(const std::string& id) const;
  // nullopt: there is no limit.
  std::optional<RateLimit> rate_limit(const guard::Request& request) const;
  void publish_load();  // as of now, into the gauges
  // Of the model's name there.
  Result<std::unique_ptr<ChatStream>> begin(const guard::Request& request,
                                            protocol::EmbeddingRequest embedding,
                                            std::vector<std::string> fallbacks = {});

 private:
  enum class Phase : uint8_t { waiting, starting, running };

  struct Call {
    RequestKey request;
    std::string group;       // "tenant/principal"
    Model* model = nullptr;  // models are never removed
    protocol::ChatRequest chat;
    std::shared_ptr<const protocol::EmbeddingRequest> embedding;  // instead of the chat
    PromptShape shape;
    ChannelWriter writer;
    Deadline deadline;
    Cancellation cancellation;
    Phase phase = Phase::waiting;
    int attempt = 0;
    ReplicaEntry* replica = nullptr;  // of the present attempt
    std::set<std::string> tried{};
    std::vector<std::string> fallbacks{};  // models still to try
    MonotonicTime queued{};                // when it came to its present model
    CallTimes times{};
    CallRecord record{};       // but for its times and its end
    bool has_chat = true;      // false: the last attempt took it
    bool has_event = false;    // something of the reply was written: no other replica can take over
    bool is_stopping = false;  // its replica is to be told to cancel as soon as it runs
    bool is_cancel_sent = false;
    std::optional<protocol::ChatEvent>
        verdict{};  // how it ends, whatever the replica says after being stopped
  };

  // Ids of calls whose readers want no more, noted by the readers, who may outlive the calls.
  class CancelledReaders {
   public:
    void add(std::string id) EXCLUDES(mutex_) {
      MutexLock lock(mutex_);
      ids_.push_back(std::move(id));
    }
    std::vector<std::string> take() EXCLUDES(mutex_) {
      MutexLock lock(mutex_);
      return std::exchange(ids_, {});
    }

   private:
    Mutex mutex_;
    std::vector<std::string> ids_ GUARDED_BY(mutex_);
  };

  // Of that name, or of an adapter's "MODEL:NAME"; nullptr: there is none.
  Model* find_model(const std::string& name) const REQUIRES(mutex_);

  // What one look at the calls found to do, once the lock is released.
  struct Work {
    std::vector<std::string> starts;
    std::vector<std::pair<Replica*, std::string>> cancels;
    std::vector<std::function<void()>> ends;  // writes the last event, counts
    bool is_empty() const { return starts.empty() && cancels.empty() && ends.empty(); }
  };

  struct Attempt {
    Replica* replica = nullptr;
    ReplicaCall call;
    int number = 0;
  };

  Result<std::unique_ptr<ChatStream>> begin(const guard::Request& request, ReplicaCall asked,
                                            PromptShape shape, std::vector<std::string> fallbacks)
      EXCLUDES(mutex_);
  // Asks the model's door. What became of a waiting call that lost its place is told by `tell`.
  decisions::AdmitDecision offer(Model& model, const Call& call, const std::string& id,
                                 bool is_counted, std::function<void()>& tell) REQUIRES(mutex_);
  // Hands the call to the next of its fallbacks that takes it, and then gives its slot here back.
  // False: none of them does. `is_counted`: for the principal's rate.
  bool move_on(const std::string& id, Call& call, bool is_counted, std::function<void()>& tell)
      REQUIRES(mutex_);
  void run_dispatcher() EXCLUDES(mutex_);
  // Has the dispatcher look after a new call.
  void watch(const std::string& id, Call& call) REQUIRES(mutex_);
  // When a call is to end for want of time.
  MonotonicTime end_of(const Call& call) const;
  Work look() REQUIRES(mutex_);
  // The calls that a look has to examine; their number does not grow with that of the open ones.
  std::vector<std::string> suspects(MonotonicTime now) REQUIRES(mutex_);
  void examine(const std::string& id, MonotonicTime now, Work& work) REQUIRES(mutex_);
  // How the call should end now for reasons of its own; nullopt: it goes on.
  std::optional<protocol::ChatEvent> reason_to_end(const Call& call, MonotonicTime now) const
      REQUIRES(mutex_);
  void stop_running(const std::string& id, Call& call, protocol::ChatEvent last, Work& work)
      REQUIRES(mutex_);
  void start_waiting(Model& model) REQUIRES(mutex_);

  Status start(const std::string& id) EXCLUDES(mutex_);
  enum class Next : uint8_t { try_again, wait, give_up };
  // What becomes of a call that no replica of its model took.
  Next after_refusals(const std::string& id) EXCLUDES(mutex_);
  // nullopt: the call has ended meanwhile.
  Result<std::optional<Attempt>> choose(const std::string& id) EXCLUDES(mutex_);
  Status start_attempt(const std::string& id, Attempt attempt) EXCLUDES(mutex_);
  void on_event(const std::string& id, int attempt, protocol::ChatEvent event) EXCLUDES(mutex_);
  bool try_elsewhere(const std::string& id, Call& call, const Error& cause, MonotonicTime now,
                     std::function<void()>& tell) REQUIRES(mutex_);
  bool has_untried(const Call& call) const REQUIRES(mutex_);  // a replica or a model
  static bool has_untried_replica(const Call& call);

  // Takes the call out, gives its slot back; the returned function tells the reader and the meters.
  std::function<void()> end(std::string id, protocol::ChatEvent last) REQUIRES(mutex_);
  std::function<void()> displace(const std::string& id) REQUIRES(mutex_);
  static CallRecord ended_record(const Call& call, const protocol::ChatEvent& last);
  void update_queue_depth() REQUIRES(mutex_);

  const Clock& clock_;
  IdSource& ids_;
  const decisions::AdmitLimits limits_;
  const Strategy choose_replica_;
  Meters meters_;
  RequestRecords records_;

  mutable Mutex mutex_;
  Condition changed_;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  std::map<std::string, std::unique_ptr<Call>> calls_ GUARDED_BY(mutex_);
  std::vector<std::string> due_
      GUARDED_BY(mutex_);  // calls to start: a slot or another replica is theirs
  const std::shared_ptr<CancelledReaders> cancelled_ = std::make_shared<CancelledReaders>();
  // Calls with a flag that somebody else may raise, and those that are to stop and cannot yet.
  std::vector<std::string> polled_ GUARDED_BY(mutex_);
  MonotonicTime next_end_ GUARDED_BY(mutex_) = MonotonicTime::max();  // no call ends before
  bool is_asleep_ GUARDED_BY(mutex_) = false;
  PrincipalBuckets buckets_ GUARDED_BY(mutex_);
  std::vector<std::string> order_ GUARDED_BY(mutex_);  // names in the order they were added
  // After everything the replicas' threads use: destroying a replica waits for its threads.
  std::map<std::string, std::unique_ptr<Model>> models_ GUARDED_BY(mutex_);
  std::thread dispatcher_;
};

}  // namespace plinth::serving
