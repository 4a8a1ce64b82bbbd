// SPDX-License-Identifier: Apache-2.0
// Memory: named spaces of records that are remembered, recalled by meaning and by word, and
// forgotten. A space is a set of per-origin journal streams; the indexes are derived from them and
// rebuilt at start.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/random.h"
#include "base/result.h"
#include "guard/authorizer.h"
#include "guard/request.h"
#include "store/store.h"
#include "telemetry/metrics.h"

namespace plinth::memory {

// Turns texts into unit vectors. Implemented by LexicalEmbedder here and by adapters in node/.
class Embedder {
 public:
  virtual ~Embedder() = default;
  virtual const std::string& name() const = 0;  // stored with each space
  virtual size_t dimensions() const = 0;
  virtual Result<std::vector<float>> embed(
      std::string_view text) const = 0;  // L2 norm 1, or all zero
};

// "plinth-lexical": deterministic hashed stems, bigrams and character trigrams, L2-normalised.
// Similar words give similar vectors; it knows no synonyms. docs/lexical_embedder.md states the
// construction.
std::unique_ptr<Embedder> create_lexical_embedder();
inline constexpr std::string_view kLexicalEmbedder = "plinth-lexical";

struct Record {
  std::string id;  // "mem_…"
  std::string text;
  WallTime written;
  std::string principal;
  guard::Label label;
  Json attributes = Json::object();
  Json to_json() const;
};

struct Recalled {
  Record record;
  double score = 0;         // fused, higher is better
  double vector_score = 0;  // cosine
  double word_score = 0;    // BM25
};

struct SpaceSummary {
  std::string name;
  std::string embedder;
  size_t dimensions = 0;
  size_t records = 0;
};

inline constexpr size_t kRecallMax = 100;

struct MemoryOptions {
  store::Store& store;
  guard::Authorizer& authorizer;
  const Embedder& embedder;
  const Clock& clock;
  Random& random;
  telemetry::Metrics& metrics;
};

// Thread-safe. Every call authorizes its Request first (memory_read, memory_write, memory_forget).
class Memory {
 public:
  virtual ~Memory() = default;
  // Durable on ok. A record_id makes the call idempotent: the same id again returns the first
  // record unchanged.
  virtual Result<Record> remember(const guard::Request& request, const std::string& space,
                                  const std::string& text, const Json& attributes,
                                  const std::string& record_id) = 0;
  // Records the request's principal may read, best first; exactly min(limit, matching) of them.
  virtual Result<std::vector<Recalled>> recall(const guard::Request& request,
                                               const std::string& space, const std::string& query,
                                               size_t limit) = 0;
  // not_found also for a record that the request's principal may not read.
  virtual Status forget(const guard::Request& request, const std::string& space,
                        const std::string& id) = 0;
  virtual Result<std::vector<Record>> list(const guard::Request& request, const std::string& space,
                                           size_t limit) = 0;
  virtual Result<std::vector<SpaceSummary>> spaces(const guard::Request& request) = 0;
};

Result<std::unique_ptr<Memory>> create_memory(const MemoryOptions& options);

}  // namespace plinth::memory
