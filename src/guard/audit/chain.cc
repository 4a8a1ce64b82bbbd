// SPDX-License-Identifier: Apache-2.0
// Entries of the audit chain: writing, reading, checking.
#include "guard/audit/chain.h"

#include <utility>

#include "base/hash.h"
#include "base/text.h"

namespace plinth::guard {

std::string chain_hash(std::string_view previous, std::string_view canonical) {
  std::string text;
  text.reserve(previous.size() + 1 + canonical.size());
  text.append(previous).append("\n").append(canonical);
  return hex(sha256(text));
}

void chain_entry(AuditEntry& entry, uint64_t index, const std::string& previous,
                 std::string_view canonical) {
  entry.index = index;
  entry.previous = previous;
  entry.hash = chain_hash(previous, canonical);
}

// Hashes are hexadecimal and need no escapes.
std::string entry_to_body(const AuditEntry& entry, std::string_view record) {
  std::string body;
  body.reserve(record.size() + 256);
  body.append("{\"v\":").append(std::to_string(kAuditFormat));
  body.append(",\"index\":").append(std::to_string(entry.index));
  body.append(",\"previous\":\"").append(entry.previous);
  body.append("\",\"hash\":\"").append(entry.hash);
  body.append("\",\"record\":").append(record).append("}");
  return body;
}

Result<AuditEntry> entry_from_body(std::string_view body) {
  const auto parsed = Json::parse(body);
  const auto corrupt = [](std::string message) {
    return make_error(ErrorCode::corrupt, "an audit entry " + std::move(message));
  };
  if (parsed.is_error()) return corrupt("is not JSON: " + parsed.error().message);
  const Json& json = *parsed;
  if (json["v"].as_int() != kAuditFormat) {
    return corrupt("has format " + shorten(json["v"].dump(), 20) + ", this program reads format 1");
  }
  if (!json["index"].is_integer() || json["index"].as_int() < 0 || !json["previous"].is_string() ||
      !json["hash"].is_string() || !json["record"].is_object() ||
      !json["record"]["id"].is_string()) {
    return corrupt("lacks index, previous, hash or a record with an id");
  }
  AuditEntry entry;
  entry.index = static_cast<uint64_t>(json["index"].as_int());
  entry.previous = json["previous"].as_string();
  entry.hash = json["hash"].as_string();
  entry.record = json["record"];
  entry.id = entry.record["id"].as_string();
  return entry;
}

std::string chain_mismatch(const AuditEntry& entry, uint64_t index, const std::string& previous) {
  const std::string at = "entry " + std::to_string(index) + ": ";
  if (entry.index != index) {
    return at + "it says it is number " + std::to_string(entry.index) +
           "; entries were removed, added or moved";
  }
  if (entry.previous != previous) {
    return at + "it follows " + shorten(entry.previous, 64) + ", the entry before it is " +
           previous + "; entries were removed, added or moved";
  }
  if (entry.hash != chain_hash(entry.previous, entry.record.canonical())) {
    return at + "its record does not have its hash; the record or the hash was changed";
  }
  return {};
}

}  // namespace plinth::guard
