// SPDX-License-Identifier: Apache-2.0
// Opening the embedded store: folder, database, then the store's own notes (master key check,
// origin).
#include "store/embedded/embedded_store.h"

#include <sodium.h>

#include "base/ids.h"
#include "base/log.h"
#include "store/embedded/row_keys.h"

namespace plinth::store {
namespace {

constexpr std::string_view kOriginNote = "origin";
constexpr std::string_view kMasterNote = "master";
constexpr size_t kNotesBytes = 1024;

}  // namespace

// Reads what the folder says about itself, or writes it into a new folder.
class EmbeddedStore::WriteNotes final : public Write {
 public:
  WriteNotes(EmbeddedStore& store, std::string new_origin)
      : store_(store), origin_(std::move(new_origin)) {}

  size_t bytes() const override { return kNotesBytes; }
  const std::string& origin() const { return origin_; }

  Status prepare(Batch& batch) override {
    const SecretKey& master = store_.folder_.master_key();
    const std::string note = note_row(kMasterNote);
    if (const auto sealed = TRY(batch.get(Table::rows, note))) {
      if (unwrap_key(*sealed, master, note).is_error()) {
        return make_error(
            ErrorCode::corrupt,
            "keys/master.key is not the key this data folder was sealed with: restore "
            "the right one from a backup");
      }
    } else {
      // Any known value shows later whether the master key is the same one.
      batch.put(Table::rows, note, wrap_key(SecretKey(), master, store_.keys_.make_nonce(), note));
    }
    if (const auto origin = TRY(batch.get(Table::rows, note_row(kOriginNote)))) {
      origin_ = *origin;
    } else {
      batch.put(Table::rows, note_row(kOriginNote), origin_);
    }
    return ok();
  }

 private:
  EmbeddedStore& store_;
  std::string origin_;
};

EmbeddedStore::EmbeddedStore(const EmbeddedOptions& options, DataFolder folder,
                             std::unique_ptr<Database> database)
    : folder_(std::move(folder)),
      database_(std::move(database)),
      keys_(*database_, folder_.master_key(), options.random),
      journal_({*database_, committer_, keys_, options.clock, options.metrics}),
      key_value_({*database_, committer_, keys_, options.clock}),
      blobs_({folder_.blobs(), options.disk, committer_, keys_, options.clock}),
      committer_(*database_, options.clock, options.metrics) {}

Result<std::unique_ptr<EmbeddedStore>> EmbeddedStore::create(const EmbeddedOptions& options,
                                                             rocksdb::Env* environment) {
  if (sodium_init() < 0) {
    return make_error(ErrorCode::internal, "libsodium found no source of randomness");
  }
  DataFolder folder = TRY(DataFolder::open(options.folder, options.disk, options.random));
  auto database = TRY(Database::open(folder.database(), environment));
  auto store = std::unique_ptr<EmbeddedStore>(
      new EmbeddedStore(options, std::move(folder), std::move(database)));
  TRY(store->read_notes(options));
  TRY(store->journal_.finish_erasures());
  log_event(LogLevel::info, "store.opened",
            {{"folder", options.folder}, {"origin", store->origin_}});
  return store;
}

Status EmbeddedStore::read_notes(const EmbeddedOptions& options) {
  WriteNotes notes(*this, IdSource(options.clock, options.random).make("origin"));
  TRY(committer_.commit(notes));
  origin_ = notes.origin();
  return ok();
}

Result<std::unique_ptr<Store>> open_embedded(const EmbeddedOptions& options) {
  return std::unique_ptr<Store>(TRY(EmbeddedStore::create(options, nullptr)));
}

}  // namespace plinth::store
