// SPDX-License-Identifier: Apache-2.0
// Names to addresses within a time: getaddrinfo itself knows no deadline and cannot be stopped.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/result.h"

namespace plinth::http {

using Endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

// At most kAddressesMax addresses, in the system's order. Errors: unavailable, deadline_exceeded,
// cancelled.
inline constexpr size_t kAddressesMax = 8;
Result<Endpoints> resolve(const std::string& host, uint16_t port,
                          std::chrono::steady_clock::time_point until,
                          const Cancellation& cancellation);

}  // namespace plinth::http
