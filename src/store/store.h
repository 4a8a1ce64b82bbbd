// SPDX-License-Identifier: Apache-2.0
// The store of one node: the four durable services behind one handle, and how to open the embedded
// one.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/disk.h"
#include "base/random.h"
#include "store/blobs.h"
#include "store/events.h"
#include "store/journal.h"
#include "store/key_value.h"
#include "telemetry/metrics.h"

namespace plinth::store {

class Store {
 public:
  virtual ~Store() = default;
  virtual Journal& journal() = 0;
  virtual KeyValue& key_value() = 0;
  virtual Blobs& blobs() = 0;
  virtual Events& events() = 0;
  virtual const std::string& origin()
      const = 0;  // id of this store, made once when the folder was made
};

struct EmbeddedOptions {
  std::string folder;  // the data folder: VERSION, LOCK, db/, blobs/, keys/
  Disk& disk;
  const Clock& clock;
  Random& random;
  telemetry::Metrics* metrics = nullptr;
};

// Opens or makes the data folder. Errors: already_exists (another process holds the lock),
// unsupported (a newer format, named), corrupt, io_failed.
Result<std::unique_ptr<Store>> open_embedded(const EmbeddedOptions& options);

}  // namespace plinth::store
