// SPDX-License-Identifier: Apache-2.0
// The local door: a browser on the same machine is an attacker until it shows the console token or
// a key.
//
// Host defeats DNS rebinding (the browser sends the attacker's name). Origin defeats other sites'
// scripts where they want to read or to send, and Sec-Fetch-Site their bare GETs (images, scripts,
// no-cors), which carry no Origin. A credential that is wrong is refused: it never falls back to
// the local operator.
#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "base/text.h"
#include "guard/identity.h"
#include "guard/identity/key_form.h"

namespace plinth::guard {
namespace {

constexpr size_t kShownBytesMax = 200;

bool is_listed(const std::vector<std::string>& allowed, std::string_view value) {
  return std::ranges::find(allowed, lower_ascii(value)) != allowed.end();
}

// "[::1]:7070" is "[::1]" and "7070"; without a port the whole is the name.
std::string_view without_port(std::string_view host) {
  const size_t colon = host.rfind(':');
  if (colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos)
    return host;
  return host.substr(0, colon);
}

bool is_address(std::string_view name) {
  if (name.size() > 2 && name.front() == '[' && name.back() == ']') {
    name = name.substr(1, name.size() - 2);
  }
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  const std::string text(name);
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

}  // namespace

Status check_host(const CallerFacts& facts, const DoorOptions& options) {
  const std::string_view name = without_port(facts.host);
  if (is_listed(options.allowed_hosts, facts.host)) return ok();
  if (is_listed(options.allowed_hosts, name)) return ok();
  // A page whose own name leads here by a rebound DNS entry sends that name, never an address.
  if (options.answers_addresses && is_address(name)) return ok();
  return make_error(ErrorCode::denied,
                    "host '" + shorten(facts.host, kShownBytesMax) +
                        "' is not one this node answers for; allow it with "
                        "--allow-host or listen.allowed_hosts, or call one of: " +
                        shorten(join(options.allowed_hosts, ", "), 1024));
}

namespace {

Status check_origin(const CallerFacts& facts, const DoorOptions& options) {
  if (!facts.origin || is_listed(options.allowed_origins, *facts.origin)) return ok();
  // The node's own page: its host has been checked.
  if (lower_ascii(*facts.origin) == "http://" + lower_ascii(facts.host)) return ok();
  return make_error(ErrorCode::denied, "origin '" + shorten(*facts.origin, kShownBytesMax) +
                                           "' may not call this node; add it to the allowed "
                                           "origins when the page is yours");
}

bool is_browser(const CallerFacts& facts) {
  return facts.origin || facts.fetch_site || facts.fetch_dest;
}

// "none" is the person's own act: the address bar, a bookmark. A page whose origin is on the list
// is another site by this header and says so by its Origin, which has been checked.
Status check_site(const CallerFacts& facts) {
  if (!facts.fetch_site || facts.origin) return ok();
  const std::string site = lower_ascii(*facts.fetch_site);
  if (site == "same-origin" || site == "none") return ok();
  return make_error(ErrorCode::denied, "a page of another site caused this call (sec-fetch-site: " +
                                           shorten(site, 32) + "), which may not act on this node");
}

// Client libraries insist on sending some key ("unused", "x"). On loopback, while no key exists,
// such a word has nothing to be measured against and is ignored; a key in our own form is always
// checked.
Result<bool> is_key_to_check(const CallerFacts& facts, const DoorOptions& options,
                             const Keys& keys) {
  if (options.is_key_required || !facts.is_loopback || is_browser(facts)) return true;
  if (facts.bearer->starts_with(kKeyPrefix)) return true;
  return keys.has_any();
}

}  // namespace

Principal local_operator() {
  return Principal{std::string(kLocalOperator),
                   std::string(kDefaultTenant),
                   PrincipalKind::operator_,
                   {"operator"}};
}

Result<Principal> authenticate_caller(const CallerFacts& facts, const DoorOptions& options,
                                      const Keys& keys) {
  TRY(check_host(facts, options));
  TRY(check_origin(facts, options));
  TRY(check_site(facts));
  if (facts.bearer && TRY(is_key_to_check(facts, options, keys))) {
    return keys.authenticate(*facts.bearer);
  }
  if (facts.console_token) {
    // An unset token admits nobody.
    if (!options.console_token.empty() &&
        equal_constant_time(*facts.console_token, options.console_token)) {
      return local_operator();
    }
    return make_error(ErrorCode::unauthenticated,
                      "the console's login is no longer valid; open the link `plinth up` printed");
  }
  if (is_browser(facts)) {
    return make_error(ErrorCode::unauthenticated,
                      "a call from a browser needs the console's login (open the link that "
                      "`plinth up` printed) or an API key");
  }
  if (options.is_key_required || !facts.is_loopback) {
    return make_error(ErrorCode::unauthenticated,
                      "this node needs an API key: send it as 'Authorization: Bearer plk_…'");
  }
  return local_operator();
}

}  // namespace plinth::guard
