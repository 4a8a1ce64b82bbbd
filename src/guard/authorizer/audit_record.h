// SPDX-License-Identifier: Apache-2.0
// What the audit log and watchers learn of a decision. Arguments appear as digests only: they may
// hold secrets and personal data, which an append-only log could never forget.
#pragma once

#include "base/clock.h"
#include "guard/authorizer.h"

namespace plinth::guard {

// docs/audit_format.md lists the members.
Json audit_record(const Request& request, const Action& action, const Decision& decision,
                  WallTime time);

// For the topic "decision".
Json public_record(const Request& request, const Action& action, const Decision& decision,
                   WallTime time);

}  // namespace plinth::guard
