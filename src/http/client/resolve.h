// SPDX-License-Identifier: Apache-2.0
// Names to addresses within a time: getaddrinfo itself knows no deadline and cannot be stopped.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/result.h"

namespace plinth::http {

using Endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

inline constexpr size_t kAddressesMax = 8;

// Of a name that needs no lookup: an address, or localhost.
std::optional<Endpoints> known_endpoints(const std::string& host, uint16_t port);

// Begins a lookup; `done` is called once, on a thread of its own, perhaps after its caller is gone.
// At most kAddressesMax addresses, in the system's order. Errors, also of the outcome: unavailable.
Status start_lookup(const std::string& host, uint16_t port,
                    std::function<void(Result<Endpoints>)> done);

// The same, waited for. Errors: unavailable, deadline_exceeded, cancelled.
Result<Endpoints> resolve(const std::string& host, uint16_t port,
                          std::chrono::steady_clock::time_point until,
                          const Cancellation& cancellation);

}  // namespace plinth::http
