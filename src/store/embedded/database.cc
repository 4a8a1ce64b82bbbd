// SPDX-License-Identifier: Apache-2.0
// RocksDB: options, error mapping, batches that can be read, and the rewrite that removes dropped
// keys.
#include "store/embedded/database.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/write_batch_with_index.h>

#include <array>
#include <vector>

namespace plinth::store {
namespace {

constexpr size_t kWriteBufferBytes = 16u << 20;
constexpr size_t kLogFilesBytesMax = 64u << 20;
constexpr size_t kBlockCacheBytes = 32u << 20;
constexpr int kOpenFilesMax = 512;
constexpr int kFilterBitsPerKey = 10;
constexpr size_t kInfoLogBytesMax = 1u << 20;
constexpr size_t kInfoLogFilesMax = 2;

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }

Error storage_error(const rocksdb::Status& status, std::string_view what) {
  const ErrorCode code = status.IsCorruption() ? ErrorCode::corrupt : ErrorCode::io_failed;
  return make_error(code, std::string(what) + ": " + status.ToString());
}

rocksdb::Options database_options(rocksdb::Env* environment) {
  rocksdb::Options options;
  if (environment != nullptr) options.env = environment;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_open_files = kOpenFilesMax;
  options.max_total_wal_size = kLogFilesBytesMax;
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.keep_log_file_num = kInfoLogFilesMax;
  options.max_log_file_size = kInfoLogBytesMax;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  // A power loss can tear the last, unacknowledged group; replay ends there. Every acknowledged
  // group was synced.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  return options;
}

rocksdb::ColumnFamilyOptions table_options() {
  rocksdb::BlockBasedTableOptions blocks;
  blocks.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kFilterBitsPerKey));
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  options.write_buffer_size = kWriteBufferBytes;
  options.compression = rocksdb::kNoCompression;  // bodies are sealed: they do not compress
  return options;
}

}  // namespace

struct Database::State {
  std::unique_ptr<rocksdb::DB> db;
  std::array<rocksdb::ColumnFamilyHandle*, 2> tables{};

  rocksdb::ColumnFamilyHandle* of(Table table) const { return tables[static_cast<size_t>(table)]; }
};

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}

Database::~Database() {
  for (rocksdb::ColumnFamilyHandle* table : state_->tables) {
    state_->db->DestroyColumnFamilyHandle(table);
  }
  state_->db->Close();
}

Result<std::unique_ptr<Database>> Database::open(const std::string& folder,
                                                 rocksdb::Env* environment) {
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, table_options()}, {"keys", table_options()}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(database_options(environment), folder, families, &handles, &db);
  if (!status.ok()) return storage_error(status, "cannot open the database in " + folder);
  auto state = std::make_unique<State>();
  state->db.reset(db);
  state->tables = {handles[0], handles[1]};
  return std::unique_ptr<Database>(new Database(std::move(state)));
}

Result<std::optional<std::string>> Database::get(Table table, std::string_view key) const {
  std::string value;
  const auto status = state_->db->Get({}, state_->of(table), slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>{};
  if (!status.ok()) return storage_error(status, "cannot read a row");
  return std::optional<std::string>(std::move(value));
}

Status Database::scan(Table table, std::string_view from, std::string_view to,
                      const Visitor& visit) const {
  const rocksdb::Slice end = slice(to);
  rocksdb::ReadOptions options;
  if (!to.empty()) options.iterate_upper_bound = &end;
  const std::unique_ptr<rocksdb::Iterator> rows(
      state_->db->NewIterator(options, state_->of(table)));
  for (rows->Seek(slice(from)); rows->Valid(); rows->Next()) {
    if (!TRY(visit(rows->key().ToStringView(), rows->value().ToStringView()))) return ok();
  }
  if (!rows->status().ok()) return storage_error(rows->status(), "cannot read rows");
  return ok();
}

Status Database::rewrite_keys() {
  // Flushing both tables ends the use of every older log file; RocksDB then deletes those files.
  const std::vector<rocksdb::ColumnFamilyHandle*> tables(state_->tables.begin(),
                                                         state_->tables.end());
  rocksdb::Status status = state_->db->Flush({}, tables);
  if (!status.ok()) return storage_error(status, "cannot flush before rewriting keys");
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  status = state_->db->CompactRange(options, state_->of(Table::keys), nullptr, nullptr);
  if (!status.ok()) return storage_error(status, "cannot rewrite keys");
  return ok();
}

struct Batch::State {
  explicit State(Database::State& of)
      : database(of), changes(rocksdb::BytewiseComparator(), 0, /*overwrite_key=*/true) {}
  Database::State& database;
  rocksdb::WriteBatchWithIndex changes;
};

Batch::Batch(Database& database) : state_(std::make_unique<State>(*database.state_)) {}
Batch::~Batch() = default;

Result<std::optional<std::string>> Batch::get(Table table, std::string_view key) {
  std::string value;
  const auto status =
      state_->changes.GetFromBatchAndDB(state_->database.db.get(), rocksdb::ReadOptions(),
                                        state_->database.of(table), slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>{};
  if (!status.ok()) return storage_error(status, "cannot read a row");
  return std::optional<std::string>(std::move(value));
}

// Changing a batch in RAM fails only for keys of 4 GiB or an unknown table: never.
void Batch::put(Table table, std::string_view key, std::string_view value) {
  CHECK(state_->changes.Put(state_->database.of(table), slice(key), slice(value)).ok());
}

void Batch::erase(Table table, std::string_view key) {
  CHECK(state_->changes.Delete(state_->database.of(table), slice(key)).ok());
}

void Batch::mark() { state_->changes.SetSavePoint(); }
void Batch::roll_back() { CHECK(state_->changes.RollbackToSavePoint().ok()); }
void Batch::keep() { CHECK(state_->changes.PopSavePoint().ok()); }
bool Batch::is_empty() const { return state_->changes.GetWriteBatch()->Count() == 0; }

Status Batch::write() {
  rocksdb::WriteOptions options;
  options.sync = true;
  const auto status = state_->database.db->Write(options, state_->changes.GetWriteBatch());
  if (!status.ok()) return storage_error(status, "cannot write and sync the log");
  return ok();
}

}  // namespace plinth::store
