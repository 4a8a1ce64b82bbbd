// SPDX-License-Identifier: Apache-2.0
// URLs of HTTP servers, read by Boost.URL and then held to what this client does.
#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>

#include "base/text.h"
#include "http/client.h"

namespace plinth::http {
namespace {

constexpr size_t kUrlBytesMax = 8u << 10;
constexpr size_t kHostBytesMax = 253;
constexpr size_t kShownBytesMax = 128;

Error bad_url(std::string_view text, std::string_view cause) {
  return make_error(ErrorCode::invalid_argument,
                    "'" + shorten(text, kShownBytesMax) + "' " + std::string(cause) +
                        "; use http://HOST[:PORT]/PATH or https://",
                    "url");
}

bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= kHostBytesMax &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                  c == '_';
         });
}

// "http://127.0.0.1.example/": a letter in front has Boost.URL read the name that this is.
Result<Url> parse_name_like_address(std::string_view text) {
  std::string lettered(text);
  lettered.insert(lettered.find("://") + 3, "x");
  auto url = parse_url(lettered);
  if (url.is_error()) return bad_url(text, "has no valid host or port");
  url->host.erase(0, 1);
  return url;
}

}  // namespace

std::string Url::origin() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Url> parse_url(std::string_view text) {
  namespace urls = boost::urls;
  if (text.size() > kUrlBytesMax) {
    return bad_url(text, "is longer than " + std::to_string(kUrlBytesMax) + " bytes");
  }
  const auto parsed = urls::parse_uri(boost::core::string_view(text.data(), text.size()));
  if (!parsed) return bad_url(text, "is not a URL");
  const urls::url_view& view = *parsed;
  Url url;
  url.scheme = lower_ascii(std::string_view(view.scheme().data(), view.scheme().size()));
  if (url.scheme != "http" && url.scheme != "https") return bad_url(text, "is not an http URL");
  if (view.has_userinfo()) return bad_url(text, "holds a user name; credentials go in a header");
  const auto host = view.encoded_host_address();
  url.host = lower_ascii(std::string_view(host.data(), host.size()));
  const bool is_v6 = view.host_type() == urls::host_type::ipv6;
  if (view.host_type() == urls::host_type::ipvfuture || (!is_v6 && !is_host_name(url.host))) {
    return bad_url(text, "has no valid host");
  }
  // A zone ("%eth0") names an interface of this machine only.
  if (url.host.find('%') != std::string::npos) return bad_url(text, "has no valid host");
  url.port = url.scheme == "https" ? 443 : 80;
  if (const std::string port = view.port(); !port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc() || end != port.data() + port.size() || url.port == 0) {
      return bad_url(text, "has no valid port");
    }
  }
  const auto path = view.encoded_path();
  // Boost.URL 1.81 ends a port or an IPv4 address at the first other character and calls the rest a
  // path.
  if (!path.empty() && path.front() != '/') {
    if (view.has_port() || view.host_type() != urls::host_type::ipv4) {
      return bad_url(text, "has no valid port");
    }
    return parse_name_like_address(text);
  }
  url.target = path.empty() ? "/" : std::string(path.data(), path.size());
  if (view.has_query()) {
    const auto query = view.encoded_query();
    url.target += "?" + std::string(query.data(), query.size());
  }
  return url;
}

}  // namespace plinth::http
