// SPDX-License-Identifier: Apache-2.0
// Native models are placed by decisions::place over the node's inventory; upstreams only need a
// URL.
#include "serving/loader.h"

#include <algorithm>

#include "base/log.h"
#include "cluster/inventory.h"
#include "decisions/place.h"
#include "engine/engine.h"
#include "serving/replicas/native.h"
#include "serving/upstreams/upstream.h"

namespace plinth::serving {

namespace {

constexpr int kNativeSequencesMax = 32;  // decoded together in one batch
constexpr int kFullSequencesMax = 8;     // for which there is memory at the full context
constexpr int64_t kContextTokensMax = 1 << 24;

bool is_loopback_host(const std::string& host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

// The devices' memory, narrowed to the limit this node was given (0: none) and to what its models
// leave. The second matters without a limit too: the kernel counts a page as used only once it was
// touched.
Result<std::vector<decisions::PlaceDevice>> devices_within(uint64_t limit, uint64_t used) {
  const auto inventory = TRY(cluster::read_inventory());
  auto devices = cluster::place_devices(inventory);
  for (decisions::PlaceDevice& device : devices) {
    if (device.kind != decisions::DeviceKind::cpu) continue;
    uint64_t& total = device.memory_bytes_total;
    if (limit != 0) total = std::min(total, limit);
    device.memory_bytes_free = std::min(device.memory_bytes_free, total - std::min(total, used));
  }
  return devices;
}

// Weights that fit into the processor's cache cost little to read, so a small model is computed
// exactly: what is measured of it offline then holds here, to the bit.
constexpr uint64_t kExactFileBytesMax = uint64_t{16} << 20;

engine::Precision precision_of(const engine::ModelSummary& summary) {
  return summary.file_bytes <= kExactFileBytesMax ? engine::Precision::exact
                                                  : engine::Precision::fast;
}

struct Place {
  std::string detail;
  uint64_t bytes = 0;
  int full_sequences = kFullSequencesMax;
  engine::Precision precision = engine::Precision::fast;
};

engine::EngineOptions engine_options_of(const ModelSpec& spec, engine::Precision precision,
                                        int full_sequences) {
  engine::EngineOptions options;
  options.path = spec.path;
  options.threads = spec.threads;
  options.context_tokens_max = spec.context_tokens_max;
  options.sequences_max = kNativeSequencesMax;
  options.kv_sequences = full_sequences;
  options.precision = precision;
  return options;
}

// Keys and values for as many sequences of full length as memory allows: 8, 4, 2 or 1. Shorter ones
// share it, and more of them run at once.
Result<Place> place_native(const ServingOptions& options, const ModelSpec& spec,
                           uint64_t memory_bytes_used) {
  const engine::ModelSummary summary = TRY(engine::inspect_model(spec.path));
  const auto devices = devices_within(options.memory_bytes_max, memory_bytes_used);
  if (devices.is_error()) {
    log_event(LogLevel::warning, "serving.inventory_failed", {{"cause", devices.error().message}});
    return Place{"placed without knowing the node's memory: " + devices.error().message, 0,
                 kFullSequencesMax, precision_of(summary)};
  }
  decisions::PlaceDecision decision;
  for (int sequences = kFullSequencesMax; sequences >= 1; sequences /= 2) {
    decisions::PlaceQuery query;
    query.model = spec.name;
    const engine::MemoryPrediction memory =
        TRY(engine::predict_memory(engine_options_of(spec, precision_of(summary), sequences)));
    query.kv_bytes = memory.kv_bytes;
    query.weight_bytes = memory.total_bytes() - memory.kv_bytes;
    query.layers = summary.layers;
    query.gpu_layers_max = 0;  // the engine computes on CPUs
    decision = decisions::place(query, *devices);
    if (decision.is_placed) {
      return Place{
          decision.reason + "; " + std::to_string(sequences) + " sequences of full length at once",
          query.weight_bytes + query.kv_bytes, sequences, precision_of(summary)};
    }
  }
  return make_error(ErrorCode::unavailable,
                    "model " + spec.name + " does not fit: " + decision.reason +
                        "; lower context_tokens_max or choose a smaller model",
                    "context_tokens_max");
}

Result<engine::AdapterId> load_adapter(engine::Engine& engine, const ModelSpec& spec,
                                       const AdapterSpec& adapter) {
  auto loaded = engine.load_adapter(adapter.path);
  if (loaded.is_ok()) return loaded;
  Error error = std::move(loaded).error();
  error.message = "adapter " + adapter.name + " of model " + spec.name + ": " + error.message;
  return error;
}

Result<LoadedReplica> load_native(const ServingOptions& options, const ModelSpec& spec,
                                  const std::string& replica_id, uint64_t memory_bytes_used) {
  if (spec.path.empty()) {
    return make_error(ErrorCode::invalid_argument,
                      "model " + spec.name + ": path: expected a GGUF file", "path");
  }
  const Place place = TRY(place_native(options, spec, memory_bytes_used));
  engine::EngineOptions engine_options =
      engine_options_of(spec, place.precision, place.full_sequences);
  // Admission lets twice as many in (admission.h), and the engine may run all of its own besides.
  constexpr int kEngineQueueMax = 65536;
  engine_options.queue_max = static_cast<int>(
      std::min<int64_t>(2 * int64_t{options.admission.running_max}, kEngineQueueMax));
  engine_options.cache_folder = options.cache_folder;
  engine_options.metrics = &options.metrics;
  NativeOptions native{.id = replica_id,
                       .name = spec.name,
                       .engine = TRY(engine::Engine::load(engine_options)),
                       .ids = options.ids,
                       .workers = options.workers,
                       .context_tokens_max = spec.context_tokens_max,
                       .parallel_max = kNativeSequencesMax};
  LoadedReplica loaded;
  for (const AdapterSpec& adapter : spec.adapters) {
    native.adapters[adapter.name] = TRY(load_adapter(*native.engine, spec, adapter));
    loaded.adapters.push_back(adapter.name);
  }
  loaded.replica = create_native_replica(std::move(native));
  loaded.detail = place.detail;
  loaded.memory_bytes = place.bytes;
  loaded.has_prefix_cache = !loaded.replica->is_embedder();
  return loaded;
}

Result<LoadedReplica> load_upstream(const ServingOptions& options, const ModelSpec& spec,
                                    const std::string& replica_id) {
  UpstreamOptions upstream{.id = replica_id,
                           .url = spec.url,
                           .name = spec.name,
                           .api = spec.upstream_api,
                           .model = spec.upstream_model,
                           .api_key = spec.api_key,
                           .client = options.client,
                           .workers = options.workers,
                           .ids = options.ids};
  LoadedReplica loaded;
  loaded.replica = TRY(create_upstream(std::move(upstream)));
  const http::Url url = TRY(http::parse_url(spec.url));
  loaded.is_local = is_loopback_host(url.host);
  loaded.detail = "upstream at " + url.scheme + "://" + url.origin();
  return loaded;
}

}  // namespace

Result<LoadedReplica> load_replica(const ServingOptions& options, const ModelSpec& spec,
                                   const std::string& replica_id, uint64_t memory_bytes_used) {
  if (spec.context_tokens_max < 0 || spec.context_tokens_max > kContextTokensMax) {
    return make_error(ErrorCode::invalid_argument,
                      "context_tokens_max: expected 0 to " + std::to_string(kContextTokensMax) +
                          ", got " + std::to_string(spec.context_tokens_max),
                      "context_tokens_max");
  }
  if (spec.kind == ReplicaKind::native) {
    return load_native(options, spec, replica_id, memory_bytes_used);
  }
  return load_upstream(options, spec, replica_id);
}

}  // namespace plinth::serving
