// SPDX-License-Identifier: Apache-2.0
// The facts of one tool call that policies see as `context`.
#pragma once

#include <string>

#include "base/json.h"
#include "guard/authorizer.h"
#include "guard/label.h"

namespace plinth::agents {

struct ToolFacts {
  const Json* arguments = nullptr;
  const guard::Label* label = nullptr;  // of everything the arguments came from
  std::string goal;                     // as far as a trusted source wrote it
  std::string agent;                    // empty outside runs
  std::string run;
  int64_t step = 0;
};

// docs/run_journal.md lists the facts.
guard::Action action_of(const std::string& tool, const ToolFacts& facts);

}  // namespace plinth::agents
