// SPDX-License-Identifier: Apache-2.0
// How a run and its journal read on a terminal.
#pragma once

#include "base/json.h"

namespace plinth::cli {

void print_run(const Json& run);
void print_run_entry(const Json& entry);  // {sequence, written, entry:{kind, …}}

}  // namespace plinth::cli
