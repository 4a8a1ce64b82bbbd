// SPDX-License-Identifier: Apache-2.0
// Gathers the events of one sequence and waits for its end.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace plinth::engine::testing {

class Collector {
 public:
  Collector();
  ~Collector();

  // CHECKs that the engine takes the request.
  SequenceId submit(Engine& engine, GenerateRequest request);
  // The last event: finished or failed. CHECKs that it comes within a minute.
  GenerateEvent wait() const;
  void wait_for_text() const;
  std::string text() const;                   // all text events joined
  std::vector<GenerateEvent> events() const;  // all but the last one

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace plinth::engine::testing
