// SPDX-License-Identifier: Apache-2.0
// Lookup on a thread of its own, which a caller out of time leaves behind. Their number is bounded.
#include "http/client/resolve.h"

#include <netdb.h>

#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <memory>
#include <system_error>
#include <thread>

#include "base/mutex.h"

namespace plinth::http {
namespace {

namespace net = boost::asio;

constexpr int kLookupsMax = 32;  // at once, in this process
constexpr Duration kPollSpan = std::chrono::milliseconds(20);

std::atomic<int> running_lookups{0};

struct Lookup {
  Mutex mutex;
  Condition changed;
  std::optional<Result<Endpoints>> outcome GUARDED_BY(mutex);
};

Endpoints endpoints_of(const addrinfo* list, uint16_t port) {
  Endpoints endpoints;
  for (const addrinfo* entry = list; entry && endpoints.size() < kAddressesMax;
       entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    net::ip::tcp::endpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
    endpoint.resize(entry->ai_addrlen);
    endpoint.port(port);
    endpoints.push_back(endpoint);
  }
  return endpoints;
}

Result<Endpoints> look_up(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  Endpoints endpoints;
  if (error == 0) {
    endpoints = endpoints_of(list, port);
    freeaddrinfo(list);
  }
  if (error == 0 && !endpoints.empty()) return endpoints;
  const char* cause = error != 0 ? gai_strerror(error) : "it has no address";
  return make_error(ErrorCode::unavailable, "cannot look up '" + host + "': " + cause);
}

Result<Endpoints> wait_for(Lookup& lookup, const std::string& host,
                           std::chrono::steady_clock::time_point until,
                           const Cancellation& cancellation) {
  MutexLock lock(lookup.mutex);
  while (!lookup.outcome) {
    if (cancellation.is_cancelled()) {
      return make_error(ErrorCode::cancelled, "the call was cancelled");
    }
    const auto left = until - std::chrono::steady_clock::now();
    if (left <= Duration::zero()) {
      return make_error(ErrorCode::deadline_exceeded, "looking up '" + host + "' took too long");
    }
    lookup.changed.wait_for(lookup.mutex, std::min<Duration>(left, kPollSpan));
  }
  return *std::move(lookup.outcome);
}

}  // namespace

std::optional<Endpoints> known_endpoints(const std::string& host, uint16_t port) {
  if (host == "localhost") {
    return Endpoints{{net::ip::address_v4::loopback(), port},
                     {net::ip::address_v6::loopback(), port}};
  }
  boost::system::error_code error;
  const auto address = net::ip::make_address(host, error);
  if (error) return std::nullopt;
  return Endpoints{{address, port}};
}

Status start_lookup(const std::string& host, uint16_t port,
                    std::function<void(Result<Endpoints>)> done) {
  if (running_lookups.fetch_add(1) >= kLookupsMax) {
    running_lookups.fetch_sub(1);
    return make_error(ErrorCode::unavailable, "too many name lookups run at once; try again later");
  }
  try {
    std::thread([host, port, done = std::move(done)] {
      done(look_up(host, port));
      running_lookups.fetch_sub(1);
    }).detach();
  } catch (const std::system_error&) {
    running_lookups.fetch_sub(1);
    return make_error(ErrorCode::unavailable, "no thread for a name lookup; try again later");
  }
  return ok();
}

Result<Endpoints> resolve(const std::string& host, uint16_t port,
                          std::chrono::steady_clock::time_point until,
                          const Cancellation& cancellation) {
  if (auto known = known_endpoints(host, port)) return *std::move(known);
  auto lookup = std::make_shared<Lookup>();
  TRY(start_lookup(host, port, [lookup](Result<Endpoints> outcome) {
    MutexLock lock(lookup->mutex);
    lookup->outcome = std::move(outcome);
    lookup->changed.notify_all();
  }));
  return wait_for(*lookup, host, until, cancellation);
}

}  // namespace plinth::http
