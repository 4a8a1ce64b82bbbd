// SPDX-License-Identifier: Apache-2.0
// A space's streams have kind "memory" and id "SPACE.ORIGIN"; an origin holds no dot, so the last
// dot parts them.
#include "memory/records/space.h"

#include "base/check.h"

namespace plinth::memory {
namespace {

constexpr std::string_view kStreamKind = "memory";

std::string key_prefix(const std::string& tenant) { return tenant + "/space/"; }

std::string encode(const SpaceMeta& meta) {
  return Json::object(
             {{"version", 1}, {"embedder", meta.embedder}, {"dimensions", meta.dimensions}})
      .dump();
}

Result<SpaceMeta> decode(const std::string& tenant, const store::KeyValueItem& item) {
  const auto broken = [&](const std::string& why) {
    return make_error(ErrorCode::corrupt, "key " + item.key + " describes no space: " + why);
  };
  const Result<Json> json = Json::parse(item.value);
  if (json.is_error()) return broken(json.error().message);
  const int64_t dimensions = (*json)["dimensions"].as_int(-1);
  if ((*json)["version"].as_int(-1) != 1 || !(*json)["embedder"].is_string() || dimensions < 1 ||
      dimensions > static_cast<int64_t>(kDimensionsMax)) {
    return broken("version, embedder or dimensions is missing or impossible");
  }
  return SpaceMeta{.tenant = tenant,
                   .name = item.key.substr(key_prefix(tenant).size()),
                   .embedder = (*json)["embedder"].as_string(),
                   .dimensions = static_cast<size_t>(dimensions)};
}

}  // namespace

Result<std::optional<SpaceMeta>> SpaceCatalog::find(const std::string& tenant,
                                                    const std::string& name) const {
  const Result<store::KeyValueItem> item = key_value_.get(key_prefix(tenant) + name);
  if (item.is_ok()) return std::optional<SpaceMeta>(TRY(decode(tenant, *item)));
  if (item.error().code == ErrorCode::not_found) return std::optional<SpaceMeta>{};
  return item.error();
}

Result<SpaceMeta> SpaceCatalog::find_or_create(const SpaceMeta& wanted) {
  if (auto present = TRY(find(wanted.tenant, wanted.name))) return *std::move(present);
  const auto known = TRY(key_value_.list(key_prefix(wanted.tenant), kSpacesPerTenantMax));
  if (known.size() >= kSpacesPerTenantMax) {
    return make_error(ErrorCode::budget_exhausted,
                      "tenant " + wanted.tenant + " has " + std::to_string(kSpacesPerTenantMax) +
                          " memory spaces, which is the most there may be");
  }
  const auto put =
      key_value_.put(key_prefix(wanted.tenant) + wanted.name, encode(wanted), store::kAbsent);
  if (put.is_ok()) return wanted;
  if (put.error().code != ErrorCode::conflict) return put.error();
  const store::KeyValueItem first = TRY(key_value_.get(key_prefix(wanted.tenant) + wanted.name));
  return decode(wanted.tenant, first);
}

Result<std::vector<SpaceMeta>> SpaceCatalog::list(const std::string& tenant) const {
  std::vector<SpaceMeta> metas;
  for (const auto& item : TRY(key_value_.list(key_prefix(tenant), kSpacesPerTenantMax))) {
    metas.push_back(TRY(decode(tenant, item)));
  }
  return metas;
}

store::StreamName Space::stream_of(const std::string& origin) const {
  return {meta_.tenant, std::string(kStreamKind), meta_.name + "." + origin};
}

// `after` moves on to the last entry that was folded in.
Status Space::read_on(SpaceState& state, const std::string& origin, store::Sequence& after) const {
  for (;;) {  // ends with the stream: each page starts behind the one before
    const auto page = TRY(store_.journal().read(stream_of(origin), after, store::kReadEntriesMax));
    if (page.empty()) return ok();
    for (const store::StoredEntry& entry : page) {
      TRY(state.apply(origin, entry));
      after = entry.sequence;
    }
  }
}

Status Space::load() {
  if (state_) return ok();
  SpaceState state(meta_.name, meta_.dimensions);
  store::Sequence own_end = store::kBeginning;
  for (const auto& stream : TRY(store_.journal().streams(meta_.tenant, std::string(kStreamKind)))) {
    const size_t dot = stream.id.rfind('.');
    if (dot == std::string::npos || stream.id.substr(0, dot) != meta_.name) continue;
    const std::string origin = stream.id.substr(dot + 1);
    store::Sequence after = store::kBeginning;
    TRY(read_on(state, origin, after));
    if (origin == store_.origin()) own_end = after;
  }
  for (const std::string& id : state.take_to_erase()) TRY(erase_text(id));
  state_.emplace(std::move(state));
  own_end_ = own_end;
  return ok();
}

SpaceState& Space::state() {
  CHECK(state_.has_value());
  return *state_;
}

Status Space::append(const std::string& subject, std::string body, const std::string& append_id) {
  const std::vector<store::Entry> entries{{.subject = subject, .body = std::move(body)}};
  TRY(store_.journal().append(stream_of(store_.origin()), store::kAnySequence, entries, append_id));
  return ok();
}

Status Space::catch_up() {
  TRY(read_on(state(), store_.origin(), own_end_));
  for (const std::string& id : state().take_to_erase()) TRY(erase_text(id));
  return ok();
}

Status Space::erase_text(const std::string& id) {
  return store_.journal().erase_subject(meta_.tenant, subject_of(meta_.name, id));
}

}  // namespace plinth::memory
