// SPDX-License-Identifier: Apache-2.0
// What the audit log and watchers learn of a decision. Arguments appear as digests only: they may
// hold secrets and personal data, which an append-only log could never forget.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "guard/authorizer.h"

namespace plinth::guard {

// docs/audit_format.md lists the members.
Json audit_record(const Request& request, const Action& action, const Decision& decision,
                  WallTime time);

// For the topic "decision".
Json public_record(const Request& request, const Action& action, const Decision& decision,
                   WallTime time);

// A record whose like will be written again: all but what differs from one request to the next, as
// canonical JSON with room for that.
class AuditForm {
 public:
  // `record` of any one of them.
  explicit AuditForm(const Json& record);
  // The canonical JSON of the record with this id and time, and the request's trace and id.
  std::string fill(std::string_view id, WallTime time, const Request& request) const;

 private:
  struct Member {
    std::string key;
    std::string text;  // ,"key":value
  };
  std::vector<Member> members_;  // in the order of their keys
};

}  // namespace plinth::guard
