// SPDX-License-Identifier: Apache-2.0
// Which network addresses a tool may be sent to.
#pragma once

#include <string_view>

namespace plinth::agents {

// True only for addresses of the public internet: not loopback, private, link-local, shared,
// multicast, reserved or documentation ranges (IANA special-purpose registries for IPv4 and IPv6),
// nor their IPv4-mapped forms.
bool is_public_address(std::string_view address);

}  // namespace plinth::agents
