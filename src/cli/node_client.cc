// SPDX-License-Identifier: Apache-2.0
#include "cli/node_client.h"

#include <cstdlib>

#include "http/client.h"
#include "http/sse.h"

namespace plinth::cli {

namespace {

constexpr std::string_view kStandardUrl = "http://127.0.0.1:7070";
constexpr Duration kAnswerMax = std::chrono::minutes(5);

http::ClientRequest build(const std::string& url, const std::string& key, const std::string& method,
                          const std::string& path, const Json* body) {
  http::ClientRequest request;
  request.method = method;
  request.url = url + path;
  request.first_byte_max = kAnswerMax;
  if (!key.empty()) request.headers.emplace_back("authorization", "Bearer " + key);
  if (body != nullptr) {
    request.headers.emplace_back("content-type", "application/json");
    request.body = body->dump();
  }
  return request;
}

Error node_error(const std::string& url, int status, const std::string& text) {
  const auto body = Json::parse(text);
  if (body.is_error() || (*body)["error"]["message"].as_string().empty()) {
    return make_error(ErrorCode::internal, url + " answered HTTP " + std::to_string(status) +
                                               " in no node's words; give the node's address "
                                               "with --url");
  }
  Error error = error_of((*body)["error"]);
  if (error.code == ErrorCode::unauthenticated) error.message += " (--key or PLINTH_API_KEY)";
  return error;
}

// The command line, then the environment, then what stands for neither. Read here and not by the
// options themselves: the environment must never win over what was typed.
std::string choose(const std::string& typed, const char* variable, std::string_view standard) {
  if (!typed.empty()) return typed;
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? std::string(value) : std::string(standard);
}

Error reach_error(const std::string& url, const Error& cause) {
  // Also a peer that speaks no HTTP, or no TLS behind an https address: there is no node.
  if (cause.code != ErrorCode::unavailable && cause.code != ErrorCode::upstream_failed) {
    return cause;
  }
  return make_error(ErrorCode::unavailable, "no node answers at " + url + " (" + cause.message +
                                                "); start one with `plinth up` or give --url");
}

}  // namespace

NodeClient::NodeClient(const Context& context)
    : url_(choose(context.url, "PLINTH_URL", kStandardUrl)),
      key_(choose(context.key, "PLINTH_API_KEY", "")) {
  while (url_.ends_with('/')) url_.pop_back();
  // The OpenAI address that `plinth up` prints is the node's too.
  if (url_.ends_with("/v1")) url_.resize(url_.size() - 3);
}

Result<Json> NodeClient::call(const std::string& method, const std::string& path,
                              const Json* body) const {
  auto client = http::create_client();
  auto response = client->send(build(url_, key_, method, path, body), Cancellation());
  if (response.is_error()) return reach_error(url_, response.error());
  if (response->status >= 300) return node_error(url_, response->status, response->body);
  auto answer = Json::parse(response->body);
  if (answer.is_error()) return node_error(url_, response->status, response->body);
  return answer;
}

Status NodeClient::stream(const std::string& path, const Json& body,
                          const std::function<bool(std::string_view)>& on_data) const {
  auto client = http::create_client();
  http::SseParser parser;
  Status parsed = ok();
  auto response = client->stream(
      build(url_, key_, "POST", path, &body),
      [&](std::string_view bytes) {
        auto events = parser.feed(bytes);
        if (events.is_error()) {
          parsed = events.error();
          return false;
        }
        for (const auto& event : *events) {
          if (!on_data(event.data)) return false;
        }
        return true;
      },
      Cancellation());
  if (response.is_error()) return reach_error(url_, response.error());
  if (response->status >= 300) return node_error(url_, response->status, response->body);
  return parsed;
}

Error error_of(const Json& detail) {
  Error error = make_error(ErrorCode::internal, detail["message"].as_string());
  for (const ErrorRow& row : error_table()) {
    if (row.name == detail["code"].as_string()) error.code = row.code;
  }
  error.param = detail["param"].as_string();
  return error;
}

std::string path_segment(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (is_plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

}  // namespace plinth::cli
