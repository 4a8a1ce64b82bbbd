// SPDX-License-Identifier: Apache-2.0
// Reading fields of requests and answers, and the two usual answers.
#include <algorithm>

#include "base/text.h"
#include "http/client.h"
#include "http/server.h"

namespace plinth::http {
namespace {

std::optional<std::string> find_header(const Headers& headers, std::string_view lower_case_name) {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> ServerRequest::header(std::string_view lower_case_name) const {
  return find_header(headers, lower_case_name);
}

std::optional<std::string> ServerRequest::cookie(std::string_view name) const {
  for (const auto& [header_name, value] : headers) {
    if (header_name != "cookie") continue;
    for (const std::string_view pair : split(value, ';')) {
      const std::string_view trimmed = trim(pair);
      const size_t equals = trimmed.find('=');
      if (equals == std::string_view::npos || trimmed.substr(0, equals) != name) continue;
      return std::string(trimmed.substr(equals + 1));
    }
  }
  return std::nullopt;
}

ServerResponse ServerResponse::json(int status, std::string body) {
  return ServerResponse{status, {{"content-type", "application/json"}}, std::move(body)};
}

ServerResponse ServerResponse::text(int status, std::string body, std::string content_type) {
  return ServerResponse{status, {{"content-type", std::move(content_type)}}, std::move(body)};
}

std::optional<std::string> ClientResponse::header(std::string_view lower_case_name) const {
  return find_header(headers, lower_case_name);
}

}  // namespace plinth::http
