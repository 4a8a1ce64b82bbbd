// SPDX-License-Identifier: Apache-2.0
// The index is written first and the response's own row last: what a crash leaves in between is an
// entry that leads nowhere, which reads as not found and is driven out like any other.
#include "api/stored_responses.h"

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"

namespace plinth::api {
namespace {

using protocol::responses::Item;

constexpr size_t kPrincipalCharacters = 32;

Error no_response(const std::string& id) {
  return make_error(ErrorCode::not_found,
                    "no response '" + shorten(id, 64) +
                        "' of this caller; it was not stored, or was removed, or made room for "
                        "newer ones, or is older than 30 days");
}

// Ids come from paths and bodies; what is none of ours leads to no row.
bool is_response_id(const std::string& id) {
  constexpr size_t kIdBytesMax = 64;
  return id.starts_with("resp_") && id.size() <= kIdBytesMax &&
         std::all_of(id.begin(), id.end(), [](unsigned char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                  c == '_';
         });
}

std::string dump_items(const std::vector<Item>& items) {
  Json list = Json::array();
  for (const Item& item : items) list.push(protocol::responses::encode_item(item));
  return list.dump();
}

Json without_logprobs(Json response) {
  Json output = Json::array();
  for (const Json& given : response["output"].items()) {
    Json item = given;
    if (item["type"].as_string() == "message") {
      Json parts = Json::array();
      for (Json part : item["content"].items()) {
        part.set("logprobs", Json::array());
        parts.push(std::move(part));
      }
      item.set("content", std::move(parts));
    }
    output.push(std::move(item));
  }
  response.set("output", std::move(output));
  return response;
}

}  // namespace

std::vector<Item> StoredResponse::conversation() const {
  std::vector<Item> items = input;
  // What was written here reads back; what does not adds nothing.
  const auto output = protocol::responses::decode_items(response["output"], "output");
  if (output.is_ok()) items.insert(items.end(), output->begin(), output->end());
  return items;
}

std::string StoredResponses::Rows::response(const std::string& id) const {
  return tenant + "/response/" + principal + "/" + id;
}

std::string StoredResponses::Rows::input(const std::string& id) const {
  return tenant + "/response_input/" + principal + "/" + id;
}

StoredResponses::Rows StoredResponses::rows_of(const guard::Request& request) {
  return {request.principal.tenant,
          hex(blake2b(request.principal.id)).substr(0, kPrincipalCharacters)};
}

Status StoredResponses::check_input(const std::vector<Item>& input) {
  if (input.size() > protocol::responses::kItemsMax) {
    return make_error(ErrorCode::too_large,
                      "input: the conversation has " + std::to_string(input.size()) +
                          " items; one that is stored has at most " +
                          std::to_string(protocol::responses::kItemsMax) +
                          ". Send \"store\": false and the items that still matter",
                      "input");
  }
  const size_t bytes = dump_items(input).size();
  if (bytes <= kInputBytesMax) return ok();
  return make_error(ErrorCode::too_large,
                    "input: the conversation has " + std::to_string(bytes) +
                        " bytes; one that is stored has at most " + std::to_string(kInputBytesMax) +
                        ". Send \"store\": false and the items that still matter",
                    "input");
}

Status StoredResponses::check_settings(const Json& settings) {
  const size_t bytes = settings.dump().size();
  if (bytes <= kSettingsBytesMax) return ok();
  return make_error(ErrorCode::too_large,
                    "instructions: with tools and metadata they have " + std::to_string(bytes) +
                        " bytes; a response that is stored repeats at most " +
                        std::to_string(kSettingsBytesMax) +
                        ". Send \"store\": false, or shorter ones",
                    "instructions");
}

Status StoredResponses::put(const guard::Request& request, Json response,
                            const std::vector<Item>& input) {
  const Rows rows = rows_of(request);
  const std::string id = response["id"].as_string();
  const std::string shown = without_logprobs(std::move(response)).dump();
  const std::string asked = dump_items(input);
  if (shown.size() > kResponseBytesMax) {
    return make_error(ErrorCode::too_large, "the response has " + std::to_string(shown.size()) +
                                                " bytes; one that is stored has at most " +
                                                std::to_string(kResponseBytesMax) +
                                                ". Send \"store\": false");
  }
  TRY(add_to_index(rows, {id, clock_.wall().unix_ms / 1000, shown.size() + asked.size()}));
  TRY(key_value_.put(rows.input(id), asked, store::kAnyRevision));
  TRY(key_value_.put(rows.response(id), shown, store::kAnyRevision));
  return ok();
}

Result<StoredResponse> StoredResponses::get(const guard::Request& request,
                                            const std::string& id) const {
  if (!is_response_id(id)) return no_response(id);
  const Rows rows = rows_of(request);
  const auto row = key_value_.get(rows.response(id));
  if (row.is_error()) {
    return row.error().code == ErrorCode::not_found ? no_response(id) : row.error();
  }
  StoredResponse found;
  found.response = TRY(Json::parse(row->value));
  const int64_t age_s = clock_.wall().unix_ms / 1000 - found.response["created_at"].as_int();
  if (age_s > kSecondsMax) return no_response(id);
  TRY(authorize(request, found.response, "read"));
  const auto input = TRY(key_value_.get(rows.input(id)));
  found.input = TRY(protocol::responses::decode_items(TRY(Json::parse(input.value)), "input"));
  return found;
}

Status StoredResponses::remove(const guard::Request& request, const std::string& id) {
  const StoredResponse found = TRY(get(request, id));
  TRY(authorize(request, found.response, "remove"));
  const Rows rows = rows_of(request);
  TRY(erase_rows(rows, id));
  MutexLock lock(indexes_);
  std::vector<Entry> entries = TRY(read_index(rows));
  std::erase_if(entries, [&](const Entry& entry) { return entry.id == id; });
  return write_index(rows, entries);
}

Result<std::vector<StoredResponses::Entry>> StoredResponses::read_index(const Rows& rows) const {
  std::vector<Entry> entries;
  const auto row = key_value_.get(rows.index());
  if (row.is_error() && row.error().code == ErrorCode::not_found) return entries;
  if (row.is_error()) return row.error();
  const Json index = TRY(Json::parse(row->value));
  for (const Json& entry : index["responses"].items()) {
    entries.push_back({entry["id"].as_string(), entry["created_unix_s"].as_int(),
                       static_cast<size_t>(std::max<int64_t>(entry["bytes"].as_int(), 0))});
  }
  return entries;
}

Status StoredResponses::write_index(const Rows& rows, const std::vector<Entry>& entries) {
  Json list = Json::array();
  for (const Entry& entry : entries) {
    list.push(Json::object(
        {{"id", entry.id}, {"created_unix_s", entry.created_unix_s}, {"bytes", entry.bytes}}));
  }
  const Json index = Json::object({{"version", 1}, {"responses", std::move(list)}});
  TRY(key_value_.put(rows.index(), index.dump(), store::kAnyRevision));
  return ok();
}

Status StoredResponses::add_to_index(const Rows& rows, Entry entry) {
  MutexLock lock(indexes_);
  std::vector<Entry> entries = TRY(read_index(rows));
  entries.push_back(std::move(entry));
  const int64_t oldest_s = entries.back().created_unix_s - kSecondsMax;
  size_t bytes = 0;
  for (const Entry& kept : entries) bytes += kept.bytes;
  size_t leaving = 0;  // never the new one
  while (leaving + 1 < entries.size() &&
         (entries.size() - leaving > limits_.responses_max || bytes > limits_.bytes_max ||
          entries[leaving].created_unix_s < oldest_s)) {
    TRY(erase_rows(rows, entries[leaving].id));
    bytes -= entries[leaving++].bytes;
  }
  entries.erase(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(leaving));
  return write_index(rows, entries);
}

Status StoredResponses::erase_rows(const Rows& rows, const std::string& id) {
  for (const std::string& key : {rows.response(id), rows.input(id)}) {
    const Status erased = key_value_.erase(key, store::kAnyRevision);
    if (erased.is_error() && erased.error().code != ErrorCode::not_found) return erased;
  }
  return ok();
}

Status StoredResponses::authorize(const guard::Request& request, const Json& response,
                                  const std::string& act) const {
  return guard::require_allowed(authorizer_.authorize(
      request, guard::Action{guard::ActionKind::model_call, "model", response["model"].as_string(),
                             Json::object({{"stored_response", act}})}));
}

}  // namespace plinth::api
