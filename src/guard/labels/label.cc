// SPDX-License-Identifier: Apache-2.0
// The joins of labels and their JSON form.
#include "guard/label.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace plinth::guard {
namespace {

constexpr size_t kReadersMax = 1024;
constexpr size_t kSourceTextBytesMax = 1024;

const Source kManySources{std::string(kManySourcesKind), "many", Trust::untrusted};

// Too many sources become one untrusted "many", which absorbs every other source: the union of the
// parts is too large whenever the union of some of them was, so the order of joining does not
// matter.
std::set<Source> bounded(std::set<Source> sources) {
  if (sources.size() > Integrity::kSourcesMax || sources.contains(kManySources)) {
    return {kManySources};
  }
  return sources;
}

Result<Source> source_from_json(const Json& json) {
  if (!json.is_object()) {
    return make_error(ErrorCode::malformed, "label.sources: expected objects", "sources");
  }
  const std::string kind = TRY(json_field::required_string(json, "kind"));
  const std::string id = TRY(json_field::required_string(json, "id"));
  const std::string trust = TRY(json_field::required_string(json, "trust"));
  if (kind.size() > kSourceTextBytesMax || id.size() > kSourceTextBytesMax) {
    return make_error(ErrorCode::too_large, "label.sources: kind and id have at most 1024 bytes",
                      "sources");
  }
  if (trust != "trusted" && trust != "untrusted") {
    return make_error(ErrorCode::malformed,
                      "label.sources.trust: '" + trust + "' is neither trusted nor untrusted",
                      "trust");
  }
  return Source{kind, id, trust == "trusted" ? Trust::trusted : Trust::untrusted};
}

Result<Confidentiality> confidentiality_from_json(const Json& json) {
  const Json* is_public = json.find("is_public");
  // A missing member is an error: an absent restriction must never read as "public".
  if (is_public == nullptr || !is_public->is_bool()) {
    return make_error(ErrorCode::malformed, "label.is_public: expected true or false", "is_public");
  }
  if (is_public->as_bool()) return Confidentiality::everyone();
  const Json* readers = json.find("readers");
  if (readers == nullptr || !readers->is_array()) {
    return make_error(ErrorCode::malformed, "label.readers: expected an array of principal ids",
                      "readers");
  }
  if (readers->size() > kReadersMax) {
    return make_error(ErrorCode::too_large, "label.readers: at most 1024 readers", "readers");
  }
  std::set<std::string> ids;
  for (const Json& reader : readers->items()) {
    if (!reader.is_string()) {
      return make_error(ErrorCode::malformed, "label.readers: expected strings", "readers");
    }
    ids.insert(reader.as_string());
  }
  return Confidentiality::only(std::move(ids));
}

}  // namespace

Integrity::Integrity(std::set<Source> sources) : sources_(bounded(std::move(sources))) {}

bool Integrity::is_trusted() const {
  return std::ranges::all_of(sources_,
                             [](const Source& source) { return source.trust == Trust::trusted; });
}

Integrity Integrity::join(const Integrity& other) const {
  std::set<Source> all = sources_;
  all.insert(other.sources_.begin(), other.sources_.end());
  return Integrity(std::move(all));
}

Confidentiality Confidentiality::join(const Confidentiality& other) const {
  if (!readers_) return other;
  if (!other.readers_) return *this;
  std::set<std::string> both;
  std::ranges::set_intersection(*readers_, *other.readers_, std::inserter(both, both.begin()));
  return only(std::move(both));
}

Label Label::join(const Label& other) const {
  return Label{integrity.join(other.integrity), confidentiality.join(other.confidentiality)};
}

Label Label::of(Source source, Confidentiality confidentiality) {
  return Label{Integrity({std::move(source)}), std::move(confidentiality)};
}

Json Label::to_json() const {
  Json sources = Json::array();
  for (const Source& source : integrity.sources()) {
    sources.push(
        Json::object({{"kind", source.kind},
                      {"id", source.id},
                      {"trust", source.trust == Trust::trusted ? "trusted" : "untrusted"}}));
  }
  Json json =
      Json::object({{"sources", std::move(sources)}, {"is_public", confidentiality.is_public()}});
  if (const auto& readers = confidentiality.readers()) {
    json.set("readers", Json::array_of({readers->begin(), readers->end()}));
  }
  return json;
}

Result<Label> Label::from_json(const Json& json) {
  if (!json.is_object()) {
    return make_error(ErrorCode::malformed,
                      "label: expected an object, got " + std::string(json.type_name()), "label");
  }
  const Json* sources = json.find("sources");
  if (sources == nullptr || !sources->is_array()) {
    return make_error(ErrorCode::malformed, "label.sources: expected an array", "sources");
  }
  if (sources->size() > Integrity::kSourcesMax) {
    return make_error(ErrorCode::too_large, "label.sources: at most 256 sources", "sources");
  }
  std::set<Source> parsed;
  for (const Json& source : sources->items()) parsed.insert(TRY(source_from_json(source)));
  return Label{Integrity(std::move(parsed)), TRY(confidentiality_from_json(json))};
}

}  // namespace plinth::guard
