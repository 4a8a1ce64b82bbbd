// SPDX-License-Identifier: Apache-2.0
// The one place that talks to RocksDB: two tables, reads, ordered scans, and one durable batch at a
// time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rocksdb {
class Env;
}

namespace plinth::store {

// `keys` holds the wrapped subject keys and nothing else: it stays small, so that it can be
// rewritten whole when a key is dropped.
enum class Table : uint8_t { rows, keys };

class Database;

// A batch of changes that reads see while it is being built. Used by the commit thread alone.
class Batch {
 public:
  explicit Batch(Database& database);
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  Result<std::optional<std::string>> get(Table table, std::string_view key);
  void put(Table table, std::string_view key, std::string_view value);
  void erase(Table table, std::string_view key);
  // Changes since mark() are dropped by roll_back() and kept by keep().
  void mark();
  void roll_back();
  void keep();
  bool is_empty() const;
  // Writes the batch and syncs the write-ahead log: one sync. io_failed, corrupt.
  Status write();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Database {
 public:
  // Sees one row; false ends the scan.
  using Visitor = std::function<Result<bool>(std::string_view key, std::string_view value)>;

  // `environment` null: the operating system. Tests hand in one that fails.
  static Result<std::unique_ptr<Database>> open(const std::string& folder,
                                                rocksdb::Env* environment);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<std::optional<std::string>> get(Table table, std::string_view key) const;
  // Rows with from <= key < to in order, as of one instant. An empty `to` has no end.
  Status scan(Table table, std::string_view from, std::string_view to, const Visitor& visit) const;
  // Rewrites the table `keys` and drops the old log files, so that deleted keys leave the disk.
  // Slow.
  Status rewrite_keys();

 private:
  friend class Batch;
  struct State;
  explicit Database(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace plinth::store
