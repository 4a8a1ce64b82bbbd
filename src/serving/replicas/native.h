// SPDX-License-Identifier: Apache-2.0
// A native replica: our engine, in this process.
#pragma once

#include <memory>
#include <string>

#include "base/ids.h"
#include "base/loop.h"
#include "engine/engine.h"
#include "serving/replicas/replica.h"

namespace plinth::serving {

struct NativeOptions {
  std::string id;
  std::unique_ptr<engine::Engine> engine;
  IdSource& ids;
  WorkerPool& workers;             // embeddings block here
  int64_t context_tokens_max = 0;  // 0: the trained length
  int parallel_max = 0;
};

std::unique_ptr<Replica> create_native_replica(NativeOptions options);

}  // namespace plinth::serving
