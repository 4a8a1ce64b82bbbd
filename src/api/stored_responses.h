// SPDX-License-Identifier: Apache-2.0
// Responses kept for later: to be read again, and to be gone on from. Each belongs to the principal
// that asked for it, and nobody else finds it. In KeyValue, so they are there after a restart:
// "TENANT/response/PRINCIPAL/ID" and, with the conversation that it answered,
// "TENANT/response_input/PRINCIPAL/ID"; "TENANT/response_index/PRINCIPAL" lists a principal's, the
// oldest first. PRINCIPAL is a digest of the principal's id. A new one drives out the oldest.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "guard/authorizer.h"
#include "protocol/responses.h"
#include "store/key_value.h"

namespace plinth::api {

struct StoredResponse {
  Json response;                                                // as it was answered
  std::vector<protocol::responses::Item> input;                 // the whole conversation before it
  std::vector<protocol::responses::Item> conversation() const;  // with what it answered
};

struct StoredResponsesLimits {  // of one principal
  size_t responses_max = 512;
  size_t bytes_max = 64u << 20;
};

// Thread-safe; blocks on the disk. Reading what a model answered is a part of asking it, so each
// door asks for model.call on the response's model.
class StoredResponses {
 public:
  static constexpr size_t kInputBytesMax = 384u << 10;  // of one conversation
  static constexpr size_t kResponseBytesMax = store::kValueBytesMax;
  static constexpr size_t kSettingsBytesMax = kResponseBytesMax / 2;  // the rest is the reply's
  static constexpr int64_t kSecondsMax = int64_t{30} * 24 * 3600;     // then it is as if removed

  StoredResponses(store::KeyValue& key_value, guard::Authorizer& authorizer, const Clock& clock,
                  StoredResponsesLimits limits = {})
      : key_value_(key_value), authorizer_(authorizer), clock_(clock), limits_(limits) {}

  // Before the model is asked. Error: too_large.
  static Status check_input(const std::vector<protocol::responses::Item>& input);
  // The same of what a response repeats of its request: instructions, tools, metadata.
  static Status check_settings(const Json& settings);
  // Of a call that was allowed and has ended: `response` has its "id" and "model". Log
  // probabilities are left out. Errors: too_large, io_failed.
  Status put(const guard::Request& request, Json response,
             const std::vector<protocol::responses::Item>& input);
  // Errors: not_found, denied.
  Result<StoredResponse> get(const guard::Request& request, const std::string& id) const;
  Status remove(const guard::Request& request, const std::string& id);

 private:
  struct Entry {
    std::string id;
    int64_t created_unix_s = 0;
    size_t bytes = 0;
  };
  struct Rows {  // of one principal
    std::string tenant;
    std::string principal;
    std::string index() const { return tenant + "/response_index/" + principal; }
    std::string response(const std::string& id) const;
    std::string input(const std::string& id) const;
  };

  static Rows rows_of(const guard::Request& request);
  Result<std::vector<Entry>> read_index(const Rows& rows) const;
  Status write_index(const Rows& rows, const std::vector<Entry>& entries) REQUIRES(indexes_);
  Status add_to_index(const Rows& rows, Entry entry) EXCLUDES(indexes_);
  Status erase_rows(const Rows& rows, const std::string& id);
  Status authorize(const guard::Request& request, const Json& response,
                   const std::string& act) const;

  store::KeyValue& key_value_;
  guard::Authorizer& authorizer_;
  const Clock& clock_;
  const StoredResponsesLimits limits_;
  Mutex indexes_;  // reading, changing and writing an index is one step
};

}  // namespace plinth::api
