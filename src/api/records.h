// SPDX-License-Identifier: Apache-2.0
// How records of the modules below look in the API, where more than one endpoint shows them.
#pragma once

#include "guard/audit.h"

namespace plinth::api {

inline Json audit_json(const guard::AuditEntry& entry) {
  return Json::object({{"index", entry.index},
                       {"id", entry.id},
                       {"record", entry.record},
                       {"hash", entry.hash},
                       {"previous", entry.previous}});
}

}  // namespace plinth::api
