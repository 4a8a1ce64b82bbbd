// SPDX-License-Identifier: Apache-2.0
// Entries as JSON: {"version", "entry": "remember" | "forget", "id", "time": [ms, counter], …}. A
// vector is the base64 of its 32-bit floats in little-endian order.
#include "memory/records/record_entry.h"

#include <bit>
#include <cstring>

#include "base/hash.h"
#include "memory/vectors/vector_index.h"

namespace plinth::memory {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors are stored as they lie in RAM");

constexpr size_t kSubjectHashBytes = 16;

Json encode_time(const HybridTime& time) {
  return Json(Json::Array{Json(time.wall_ms), Json(time.counter)});
}

std::string encode_vector(const std::vector<float>& vector) {
  return base64({reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float)});
}

Error broken(const std::string& why) {
  return make_error(ErrorCode::corrupt, "a memory entry cannot be read: " + why);
}

Result<HybridTime> decode_time(const Json& json) {
  if (json.size() != 2 || !json.items()[0].is_integer() || !json.items()[1].is_integer()) {
    return broken("time is not [ms, counter]");
  }
  return HybridTime{json.items()[0].as_int(), json.items()[1].as_int()};
}

Result<std::vector<float>> decode_vector(const Json& json) {
  if (!json.is_string()) return broken("vector is not a string");
  const Result<std::string> bytes = unbase64(json.as_string());
  if (bytes.is_error()) return broken("vector is not base64");
  if (bytes->empty() || bytes->size() % sizeof(float) != 0 ||
      bytes->size() > kDimensionsMax * sizeof(float)) {
    return broken("vector has " + std::to_string(bytes->size()) + " bytes");
  }
  std::vector<float> vector(bytes->size() / sizeof(float));
  std::memcpy(vector.data(), bytes->data(), bytes->size());
  return vector;
}

Result<std::string> text_field(const Json& json, std::string_view name) {
  const Json& value = json[name];
  if (!value.is_string()) return broken(std::string(name) + " is not a string");
  return value.as_string();
}

Result<SpaceEntry> decode_remember(const Json& json, std::string id, const HybridTime& time) {
  RememberEntry entry;
  entry.record.id = std::move(id);
  entry.record.text = TRY(text_field(json, "text"));
  entry.record.principal = TRY(text_field(json, "principal"));
  entry.record.written.unix_ms = time.wall_ms;
  Result<guard::Label> label = guard::Label::from_json(json["label"]);
  if (label.is_error()) return broken("label: " + label.error().message);
  entry.record.label = *std::move(label);
  if (!json["attributes"].is_object()) return broken("attributes is not an object");
  entry.record.attributes = json["attributes"];
  entry.time = time;
  entry.vector = TRY(decode_vector(json["vector"]));
  return SpaceEntry(std::move(entry));
}

}  // namespace

std::string encode(const RememberEntry& entry) {
  return Json::object({{"version", kRecordFormat},
                       {"entry", "remember"},
                       {"id", entry.record.id},
                       {"time", encode_time(entry.time)},
                       {"principal", entry.record.principal},
                       {"text", entry.record.text},
                       {"label", entry.record.label.to_json()},
                       {"attributes", entry.record.attributes},
                       {"vector", encode_vector(entry.vector)}})
      .dump();
}

std::string encode(const ForgetEntry& entry) {
  return Json::object({{"version", kRecordFormat},
                       {"entry", "forget"},
                       {"id", entry.id},
                       {"time", encode_time(entry.time)},
                       {"principal", entry.principal}})
      .dump();
}

Result<SpaceEntry> decode_space_entry(std::string_view body) {
  const Result<Json> json = Json::parse(body);
  if (json.is_error()) return broken(json.error().message);
  const Json& version = (*json)["version"];
  if (!version.is_integer()) return broken("it has no version");
  const std::string kind = TRY(text_field(*json, "entry"));
  if (version.as_int() != kRecordFormat || (kind != "remember" && kind != "forget")) {
    return make_error(ErrorCode::unsupported,
                      "a memory entry '" + kind + "' of version " +
                          std::to_string(version.as_int()) +
                          " was written by a newer build: this one reads version 1");
  }
  std::string id = TRY(text_field(*json, "id"));
  if (check_record_id(id).is_error()) return broken("its id is no id");
  const HybridTime time = TRY(decode_time((*json)["time"]));
  if (kind == "remember") return decode_remember(*json, std::move(id), time);
  return SpaceEntry(ForgetEntry{std::move(id), TRY(text_field(*json, "principal")), time});
}

Status check_record_id(std::string_view id) {
  const bool is_good =
      !id.empty() && id.size() <= kRecordIdBytesMax &&
      id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-") ==
          std::string_view::npos;
  if (is_good) return ok();
  return make_error(ErrorCode::invalid_argument,
                    "a record's id has 1 to 128 characters of A-Z a-z 0-9 . _ : -", "id");
}

std::string subject_of(std::string_view space, std::string_view id) {
  const Digest digest = blake2b(std::string(space) + "/" + std::string(id));
  return "mem_" + hex(std::span(digest).first(kSubjectHashBytes));
}

}  // namespace plinth::memory
