// SPDX-License-Identifier: Apache-2.0
// Memory over a store: every call asks the guard first, writes go to the journal, answers come from
// the fold over it.
#include "memory/memory.h"

#include "base/ids.h"
#include "base/limits.h"
#include "base/text.h"
#include "memory/recall/recall.h"
#include "memory/records/record_entry.h"
#include "memory/records/space.h"

namespace plinth::memory {
namespace {

constexpr size_t kListMax = 1000;
constexpr std::string_view kAllSpaces = "*";
constexpr std::string_view kTopic = "memory";

Status check_space_name(const std::string& space) {
  if (is_name(space)) return ok();
  return make_error(ErrorCode::invalid_argument,
                    "space '" + shorten(space, 64) +
                        "' must have 1 to 64 characters of a-z 0-9 . _ - and start with a-z 0-9",
                    "space");
}

Status check_text(const std::string& text, std::string_view param) {
  if (text.size() > limits::kMemoryTextBytesMax) {
    return make_error(ErrorCode::too_large,
                      std::string(param) + " has " + std::to_string(text.size()) +
                          " bytes, at most " + std::to_string(limits::kMemoryTextBytesMax) +
                          " are allowed: store a document in parts",
                      std::string(param));
  }
  if (is_utf8(text)) return ok();
  return make_error(ErrorCode::invalid_argument, std::string(param) + " is not valid UTF-8",
                    std::string(param));
}

Status check_remember(const std::string& text, const Json& attributes,
                      const std::string& record_id) {
  TRY(check_text(text, "text"));
  if (trim(text).empty()) {
    return make_error(ErrorCode::invalid_argument, "text is empty: there is nothing to remember",
                      "text");
  }
  if (!attributes.is_object()) {
    return make_error(ErrorCode::invalid_argument, "attributes must be an object", "attributes");
  }
  if (attributes.dump().size() > kAttributesBytesMax) {
    return make_error(ErrorCode::too_large,
                      "attributes have more than " + std::to_string(kAttributesBytesMax) + " bytes",
                      "attributes");
  }
  return record_id.empty() ? ok() : check_record_id(record_id);
}

// People vouch for what they write. What an agent or a service writes stays as trusted as what
// influenced it.
guard::Label label_of(const guard::Request& request) {
  const guard::Principal& writer = request.principal;
  const bool is_person =
      writer.kind == guard::PrincipalKind::user || writer.kind == guard::PrincipalKind::operator_;
  if (!is_person) return request.label;
  return request.label.join(guard::Label::of({"user", writer.id, guard::Trust::trusted}));
}

class LocalMemory final : public Memory {
 public:
  explicit LocalMemory(const MemoryOptions& options)
      : options_(options),
        ids_(options.clock, options.random),
        catalog_(options.store.key_value()) {}

  Result<Record> remember(const guard::Request& request, const std::string& space,
                          const std::string& text, const Json& attributes,
                          const std::string& record_id) override;
  Result<std::vector<Recalled>> recall(const guard::Request& request, const std::string& space,
                                       const std::string& query, size_t limit) override;
  Status forget(const guard::Request& request, const std::string& space,
                const std::string& id) override;
  Result<std::vector<Record>> list(const guard::Request& request, const std::string& space,
                                   size_t limit) override;
  Result<std::vector<SpaceSummary>> spaces(const guard::Request& request) override;

 private:
  Status admit(const guard::Request& request, guard::ActionKind kind, std::string_view space,
               Json facts);
  std::shared_ptr<Space> opened(const SpaceMeta& meta) EXCLUDES(mutex_);
  // Null when there is no such space.
  Result<std::shared_ptr<Space>> open(const guard::Request& request, const std::string& space);
  Status check_embedder(const SpaceMeta& meta) const;
  Status load(Space& space) REQUIRES(space.mutex);
  Result<std::optional<Record>> known_record(const guard::Request& request, Space& space,
                                             const std::string& id) REQUIRES(space.mutex);
  Status forget_known(const guard::Request& request, Space& space, const std::string& id);
  void publish(const SpaceMeta& meta, std::string_view what, const std::string& id);

  const MemoryOptions options_;
  IdSource ids_;
  SpaceCatalog catalog_;
  Mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<Space>> spaces_ GUARDED_BY(mutex_);
};

// Asks the guard exactly once, then whether the caller still waits.
Status LocalMemory::admit(const guard::Request& request, guard::ActionKind kind,
                          std::string_view space, Json facts) {
  const guard::Action action{.kind = kind,
                             .resource_type = "space",
                             .resource_id = std::string(space),
                             .facts = std::move(facts)};
  TRY(guard::require_allowed(options_.authorizer.authorize(request, action)));
  if (request.cancellation.is_cancelled()) {
    return make_error(ErrorCode::cancelled, "the request was cancelled");
  }
  if (request.deadline.has_passed(options_.clock)) {
    return make_error(ErrorCode::deadline_exceeded, "the request's deadline has passed");
  }
  return ok();
}

std::shared_ptr<Space> LocalMemory::opened(const SpaceMeta& meta) {
  MutexLock lock(mutex_);
  std::shared_ptr<Space>& space = spaces_[{meta.tenant, meta.name}];
  if (!space) space = std::make_shared<Space>(options_.store, meta);
  return space;
}

Result<std::shared_ptr<Space>> LocalMemory::open(const guard::Request& request,
                                                 const std::string& space) {
  TRY(check_space_name(space));
  const auto meta = TRY(catalog_.find(request.principal.tenant, space));
  return meta ? opened(*meta) : nullptr;
}

Status LocalMemory::check_embedder(const SpaceMeta& meta) const {
  const Embedder& embedder = options_.embedder;
  if (meta.embedder == embedder.name() && meta.dimensions == embedder.dimensions()) return ok();
  return make_error(ErrorCode::unsupported,
                    "space " + meta.name + " was made with embedder " + meta.embedder + " (" +
                        std::to_string(meta.dimensions) + " dimensions), this node embeds with " +
                        embedder.name() + " (" + std::to_string(embedder.dimensions()) +
                        "): configure that embedder, or use another space");
}

Status LocalMemory::load(Space& space) {
  const bool is_first = !space.is_loaded();
  TRY(space.load());
  if (is_first) {
    options_.metrics.add(telemetry::Metric::memory_records,
                         static_cast<double>(space.state().size()));
  }
  return ok();
}

// The record already remembered under this id; nullopt when the id is free.
Result<std::optional<Record>> LocalMemory::known_record(const guard::Request& request, Space& space,
                                                        const std::string& id) {
  if (space.state().is_forgotten(id)) {
    return make_error(ErrorCode::conflict,
                      "record " + id + " was forgotten; its id is not used again", "id");
  }
  const Record* known = space.state().find(id);
  if (known == nullptr) return std::optional<Record>{};
  if (known->label.confidentiality.may_read(request.principal.id)) return std::optional(*known);
  return make_error(ErrorCode::conflict, "record id " + id + " is taken: choose another", "id");
}

Result<Record> LocalMemory::remember(const guard::Request& request, const std::string& space,
                                     const std::string& text, const Json& attributes,
                                     const std::string& record_id) {
  TRY(admit(request, guard::ActionKind::memory_write, space,
            Json::object({{"bytes", text.size()}})));
  TRY(check_space_name(space));
  TRY(check_remember(text, attributes, record_id));
  const SpaceMeta wanted{.tenant = request.principal.tenant,
                         .name = space,
                         .embedder = options_.embedder.name(),
                         .dimensions = options_.embedder.dimensions()};
  const auto held = opened(TRY(catalog_.find_or_create(wanted)));
  TRY(check_embedder(held->meta()));
  RememberEntry entry;
  entry.record = {.id = record_id.empty() ? ids_.make("mem") : record_id,
                  .text = text,
                  .written = {},
                  .principal = request.principal.id,
                  .label = label_of(request),
                  .attributes = attributes};
  const std::string id = entry.record.id;
  {
    MutexLock lock(held->mutex);
    TRY(load(*held));
    if (auto known = TRY(known_record(request, *held, id))) return *std::move(known);
    if (held->state().size() >= kSpaceRecordsMax) {
      return make_error(ErrorCode::budget_exhausted,
                        "space " + space + " holds " + std::to_string(kSpaceRecordsMax) +
                            " records, which is the most there may be: forget some first");
    }
    entry.time = held->state().clock().tick(options_.clock.wall());
  }
  entry.vector = TRY(options_.embedder.embed(text));
  TRY(held->append(subject_of(space, id), encode(entry), id));
  MutexLock lock(held->mutex);
  const size_t before = held->state().size();
  TRY(held->catch_up());
  options_.metrics.add(telemetry::Metric::memory_records,
                       static_cast<double>(held->state().size()) - static_cast<double>(before));
  auto known = TRY(known_record(request, *held, id));
  if (!known)
    return make_error(ErrorCode::internal, "record " + id + " was written but is not there");
  publish(held->meta(), "remember", id);
  return *std::move(known);
}

Result<std::vector<Recalled>> LocalMemory::recall(const guard::Request& request,
                                                  const std::string& space,
                                                  const std::string& query, size_t limit) {
  TRY(admit(request, guard::ActionKind::memory_read, space, Json::object({{"limit", limit}})));
  TRY(check_text(query, "query"));
  if (trim(query).empty()) {
    return make_error(ErrorCode::invalid_argument, "query is empty: say what to look for", "query");
  }
  if (limit > kRecallMax) {
    return make_error(ErrorCode::invalid_argument,
                      "limit " + std::to_string(limit) + " is above " + std::to_string(kRecallMax),
                      "limit");
  }
  const MonotonicTime start = options_.clock.now();
  const auto held = TRY(open(request, space));
  if (!held) return std::vector<Recalled>{};
  TRY(check_embedder(held->meta()));
  const std::vector<float> vector = TRY(options_.embedder.embed(query));
  MutexLock lock(held->mutex);
  TRY(load(*held));
  auto recalled = recall_in(held->state(), request.principal.id, query, vector, limit);
  const std::chrono::duration<double> taken = options_.clock.now() - start;
  options_.metrics.observe(telemetry::Metric::recall_seconds, taken.count());
  return recalled;
}

Status LocalMemory::forget(const guard::Request& request, const std::string& space,
                           const std::string& id) {
  TRY(admit(request, guard::ActionKind::memory_forget, space, Json::object({{"record", id}})));
  TRY(check_record_id(id));
  const auto held = TRY(open(request, space));
  if (held) {
    MutexLock lock(held->mutex);
    TRY(load(*held));
    // A forgotten id counts as known: a caller that lost the answer may repeat the call. A record
    // that the caller may not read is not there for it.
    const Record* record = held->state().find(id);
    const bool is_known = record == nullptr
                              ? held->state().is_forgotten(id)
                              : record->label.confidentiality.may_read(request.principal.id);
    if (!is_known) {
      return make_error(ErrorCode::not_found, "space " + space + " has no record " + id, "id");
    }
  } else {
    return make_error(ErrorCode::not_found, "there is no space " + space, "space");
  }
  return forget_known(request, *held, id);
}

// The text goes first: if the node dies between the steps, the record is unreadable and only the
// note of who forgot it is missing.
Status LocalMemory::forget_known(const guard::Request& request, Space& space,
                                 const std::string& id) {
  TRY(space.erase_text(id));
  ForgetEntry entry{.id = id, .principal = request.principal.id, .time = {}};
  {
    MutexLock lock(space.mutex);
    const size_t before = space.state().size();
    space.state().forget(id);
    entry.time = space.state().clock().tick(options_.clock.wall());
    options_.metrics.add(telemetry::Metric::memory_records,
                         static_cast<double>(space.state().size()) - static_cast<double>(before));
  }
  TRY(space.append({}, encode(entry), "forget:" + subject_of(space.meta().name, id)));
  publish(space.meta(), "forget", id);
  return ok();
}

Result<std::vector<Record>> LocalMemory::list(const guard::Request& request,
                                              const std::string& space, size_t limit) {
  TRY(admit(request, guard::ActionKind::memory_read, space, Json::object({{"limit", limit}})));
  if (limit > kListMax) {
    return make_error(ErrorCode::invalid_argument,
                      "limit " + std::to_string(limit) + " is above " + std::to_string(kListMax),
                      "limit");
  }
  std::vector<Record> records;
  const auto held = TRY(open(request, space));
  if (!held) return records;
  MutexLock lock(held->mutex);
  TRY(load(*held));
  const Visible visible = held->state().visible_to(request.principal.id);
  for (const Slot slot : held->state().newest_first()) {
    if (records.size() >= limit) break;
    if (visible[slot]) records.push_back(held->state().at(slot));
  }
  return records;
}

Result<std::vector<SpaceSummary>> LocalMemory::spaces(const guard::Request& request) {
  TRY(admit(request, guard::ActionKind::memory_read, kAllSpaces, Json::object()));
  std::vector<SpaceSummary> summaries;
  for (const SpaceMeta& meta : TRY(catalog_.list(request.principal.tenant))) {
    const auto held = opened(meta);
    MutexLock lock(held->mutex);
    TRY(load(*held));
    const Visible visible = held->state().visible_to(request.principal.id);
    summaries.push_back(
        {.name = meta.name,
         .embedder = meta.embedder,
         .dimensions = meta.dimensions,
         .records = static_cast<size_t>(std::count(visible.begin(), visible.end(), true))});
  }
  return summaries;
}

void LocalMemory::publish(const SpaceMeta& meta, std::string_view what, const std::string& id) {
  options_.store.events().publish(
      std::string(kTopic),
      Json::object({{"tenant", meta.tenant}, {"space", meta.name}, {"change", what}, {"id", id}})
          .dump());
}

}  // namespace

Json Record::to_json() const {
  return Json::object({{"id", id},
                       {"text", text},
                       {"written", written.iso8601()},
                       {"principal", principal},
                       {"label", label.to_json()},
                       {"attributes", attributes}});
}

Result<std::unique_ptr<Memory>> create_memory(const MemoryOptions& options) {
  if (options.embedder.dimensions() == 0 || options.embedder.dimensions() > kDimensionsMax) {
    return make_error(ErrorCode::invalid_argument,
                      "embedder " + options.embedder.name() + " has " +
                          std::to_string(options.embedder.dimensions()) + " dimensions; 1 to " +
                          std::to_string(kDimensionsMax) + " are allowed");
  }
  return std::unique_ptr<Memory>(std::make_unique<LocalMemory>(options));
}

}  // namespace plinth::memory
