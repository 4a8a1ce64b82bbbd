// SPDX-License-Identifier: Apache-2.0
// The embedded store as a whole: the data folder, the database, the commit thread and the four
// services.
#pragma once

#include <memory>
#include <string>

#include "store/embedded/committer.h"
#include "store/embedded/data_folder.h"
#include "store/embedded/database.h"
#include "store/embedded/embedded_blobs.h"
#include "store/embedded/embedded_journal.h"
#include "store/embedded/embedded_key_value.h"
#include "store/embedded/key_ring.h"
#include "store/embedded/local_events.h"
#include "store/store.h"

namespace plinth::store {

class EmbeddedStore final : public Store {
 public:
  // `environment` null: the operating system.
  static Result<std::unique_ptr<EmbeddedStore>> create(const EmbeddedOptions& options,
                                                       rocksdb::Env* environment);

  Journal& journal() override { return journal_; }
  KeyValue& key_value() override { return key_value_; }
  Blobs& blobs() override { return blobs_; }
  Events& events() override { return events_; }
  const std::string& origin() const override { return origin_; }

 private:
  class WriteNotes;

  EmbeddedStore(const EmbeddedOptions& options, DataFolder folder,
                std::unique_ptr<Database> database);
  Status read_notes(const EmbeddedOptions& options);

  // Order matters: what is below uses what is above, and is destroyed first.
  DataFolder folder_;
  std::unique_ptr<Database> database_;
  KeyRing keys_;
  EmbeddedJournal journal_;
  EmbeddedKeyValue key_value_;
  EmbeddedBlobs blobs_;
  LocalEvents events_;
  std::string origin_;
  Committer committer_;  // last: its thread ends before anything it uses
};

}  // namespace plinth::store
