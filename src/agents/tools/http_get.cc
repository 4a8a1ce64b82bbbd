// SPDX-License-Identifier: Apache-2.0
// http_get: one request by the node's own client, so that no tool process ever has a network. No
// redirect is followed: each new address is a new call, with its own decision.
#include <algorithm>

#include "agents/tools/addresses.h"
#include "agents/tools/execute.h"
#include "base/limits.h"
#include "base/text.h"
#include "http/client.h"

namespace plinth::agents {
namespace {

constexpr Duration kConnectMax = std::chrono::seconds(5);

// With a list, the hosts on it are reachable wherever they live, and no others are. Without one,
// every host of the public internet is, and none of the networks this machine stands in.
bool is_listed(const http::Url& url, std::span<const std::string> hosts) {
  return std::find(hosts.begin(), hosts.end(), url.origin()) != hosts.end();
}

ToolOutput failed(ToolOutput output, std::string why) {
  output.is_error = true;
  output.text = "error: " + std::move(why);
  return output;
}

}  // namespace

Result<ToolOutput> execute_http_get(const ToolRow&, const ToolCallContext& context,
                                    const Json& arguments) {
  const http::Url url = TRY(http::parse_url(arguments["url"].as_string()));
  const bool is_named = is_listed(url, context.http_hosts);
  if (!is_named && !context.http_hosts.empty()) {
    return make_error(ErrorCode::denied, url.origin() + " is not in the agent's http_hosts");
  }
  http::ClientRequest request;
  request.url = arguments["url"].as_string();
  request.headers = {{"accept", "text/plain, text/html, application/json, */*;q=0.1"}};
  request.connect_max = std::min(kConnectMax, context.time_max);
  request.first_byte_max = context.time_max;
  request.between_bytes_max = context.time_max;
  request.body_bytes_max = limits::kToolOutputBytesMax;
  if (!is_named) request.may_connect = is_public_address;
  const auto sent = context.node.client.send(request, context.request.cancellation);
  if (sent.is_error() && sent.error().code == ErrorCode::denied) {
    return make_error(ErrorCode::denied, url.origin() +
                                             " is at a private address; name it in the "
                                             "agent's http_hosts to allow it");
  }
  if (sent.is_error()) return sent.error();
  const http::ClientResponse& response = *sent;

  ToolOutput output;
  output.label =
      guard::Label::of(guard::Source{"web", shorten(url.host, 512), guard::Trust::untrusted});
  if (response.status >= 300 && response.status < 400) {
    return failed(std::move(output), "the server redirects to " +
                                         shorten(response.header("location").value_or("?"), 512));
  }
  if (response.status < 200 || response.status >= 300) {
    return failed(std::move(output),
                  "the server answered with status " + std::to_string(response.status));
  }
  if (!is_utf8(response.body)) return failed(std::move(output), "the answer is not UTF-8 text");
  output.text = response.body;
  return output;
}

}  // namespace plinth::agents
