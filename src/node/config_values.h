// SPDX-License-Identifier: Apache-2.0
// What names, hosts and origins of a configuration may look like, wherever they were written: in
// plinth.yaml or on the command line.
#pragma once

#include <string_view>

#include "base/result.h"
#include "node/config.h"

namespace plinth::node {

inline constexpr size_t kModelNameBytesMax = 128;

// "starter", "org/model-7b:q8": parts of letters, digits and . _ - + @ : between slashes.
Status check_model_name(std::string_view name);
Status check_adapter_name(std::string_view name);
// "node.example", "node.example:8443", "[::1]:7070"; no pattern.
Status check_host(std::string_view host);
// "https://app.example:8443", as a browser writes it: no path, no pattern.
Status check_origin(std::string_view origin);

// All of them; each error names the value.
Status check_values(const NodeConfig& config);

}  // namespace plinth::node
