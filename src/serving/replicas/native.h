// SPDX-License-Identifier: Apache-2.0
// A native replica: our engine, in this process.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/ids.h"
#include "base/loop.h"
#include "engine/engine.h"
#include "serving/replicas/replica.h"

namespace plinth::serving {

struct NativeOptions {
  std::string id;
  std::string name;  // of the model
  std::unique_ptr<engine::Engine> engine;
  // Loaded in the engine, by the part of a request's model that follows "NAME:".
  std::map<std::string, engine::AdapterId> adapters = {};
  IdSource& ids;
  WorkerPool& workers;             // embeddings block here
  int64_t context_tokens_max = 0;  // 0: the trained length
  int parallel_max = 0;
};

std::unique_ptr<Replica> create_native_replica(NativeOptions options);

}  // namespace plinth::serving
