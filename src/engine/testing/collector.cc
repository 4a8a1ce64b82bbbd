// SPDX-License-Identifier: Apache-2.0
#include "engine/testing/collector.h"

#include <optional>

#include "base/check.h"
#include "base/mutex.h"

namespace plinth::engine::testing {

struct Collector::State {
  Mutex mutex;
  Condition changed;
  std::vector<GenerateEvent> events GUARDED_BY(mutex);
  std::optional<GenerateEvent> last GUARDED_BY(mutex);
};

Collector::Collector() : state_(std::make_shared<State>()) {}
Collector::~Collector() = default;

SequenceId Collector::submit(Engine& engine, GenerateRequest request) {
  const auto state = state_;
  const auto id = engine.submit(std::move(request), [state](GenerateEvent event) {
    MutexLock lock(state->mutex);
    CHECK(!state->last);
    if (event.kind == GenerateEvent::Kind::finished || event.kind == GenerateEvent::Kind::failed) {
      state->last = std::move(event);
    } else {
      state->events.push_back(std::move(event));
    }
    state->changed.notify_all();
  });
  return MUST(id, "the test's request is one the engine takes");
}

GenerateEvent Collector::wait() const {
  MutexLock lock(state_->mutex);
  while (!state_->last) CHECK(state_->changed.wait_for(state_->mutex, std::chrono::minutes(1)));
  return *state_->last;
}

void Collector::wait_for_text() const {
  MutexLock lock(state_->mutex);
  while (state_->events.empty()) {
    CHECK(state_->changed.wait_for(state_->mutex, std::chrono::minutes(1)));
  }
}

std::string Collector::text() const {
  std::string joined;
  for (const GenerateEvent& event : events()) joined += event.text;
  return joined;
}

std::vector<GenerateEvent> Collector::events() const {
  MutexLock lock(state_->mutex);
  return state_->events;
}

}  // namespace plinth::engine::testing
